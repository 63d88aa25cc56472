package org.rlkd.engine.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class CpuThreadsTest {
  private static Tensor product(long seed) {
    torch.manual_seed(seed);
    return torch.mm(torch.rand(300, 200), torch.rand(200, 250));
  }

  @Test
  void productsOfSeveralThreadsAreThoseOfOne() {
    int threads = CpuThreads.count();
    try (PointerScope scope = new PointerScope()) {
      CpuThreads.set(1);
      Tensor expected = product(3);
      for (int count = 2; count <= 5; count++) {
        CpuThreads.set(count);
        assertThat(torch.allclose(product(3), expected, 1e-5, 1e-5, false)).isTrue();
      }
    } finally {
      CpuThreads.set(threads);
    }
  }

  @Test
  void productsThatSeveralThreadsAskForAtOnceAllComeOutRight() throws Exception {
    int threads = CpuThreads.count();
    ExecutorService askers = Executors.newFixedThreadPool(4);
    try {
      CpuThreads.set(2);
      List<Future<Boolean>> answers = new ArrayList<>();
      for (int asker = 0; asker < 4; asker++) {
        answers.add(
            askers.submit(
                () -> {
                  try (PointerScope scope = new PointerScope()) {
                    Tensor ones = torch.ones(260, 260);
                    Tensor wanted = torch.ones(260, 260).mul_(new Scalar(260.0));
                    boolean right = true;
                    for (int i = 0; i < 50; i++) {
                      right &= torch.equal(torch.mm(ones, ones), wanted);
                    }
                    return right;
                  }
                }));
      }
      for (Future<Boolean> answer : answers) {
        assertThat(answer.get()).isTrue();
      }
    } finally {
      askers.shutdownNow();
      CpuThreads.set(threads);
    }
  }
}

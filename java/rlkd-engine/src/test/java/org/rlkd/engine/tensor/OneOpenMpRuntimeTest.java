package org.rlkd.engine.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.rlkd.bindings.NativeLibrary;

class OneOpenMpRuntimeTest {
  @Test
  void librlkdAndLibTorchShareOneLibgomp() throws IOException {
    NativeLibrary.require();
    assertThat(torch.get_num_threads()).isPositive();
    assertThat(libgomp()).hasSize(1);
  }

  private static Set<String> libgomp() throws IOException {
    Set<String> files = new TreeSet<>();
    for (String mapping : Files.readAllLines(Path.of("/proc/self/maps"))) {
      if (mapping.contains("libgomp")) {
        files.add(mapping.substring(mapping.indexOf('/')));
      }
    }
    return files;
  }
}

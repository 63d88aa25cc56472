package org.rlkd.engine.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Every kernel of the engine runs on a model's device: by the sources of everything that calls. */
class NativeContextTest {
  private static final Path SOURCES =
      Path.of(System.getProperty("rlkd.root"), "java/rlkd-engine/src/main/java/org/rlkd/engine");

  /** A call of a function that takes a context, up to its first argument. */
  private static final Pattern CALL =
      Pattern.compile(
          "\\brlkd_(?!context|tensor)\\w+(?<!_options|_inputs|_counters)\\(\\s*([^,;]+?),");

  private static final Pattern CONTEXT = Pattern.compile("new rlkd_context\\b");

  @Test
  void every_native_call_is_given_the_context_of_a_device() {
    List<String> calls = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (Path source : sources("selftest")) {
      Matcher call = CALL.matcher(read(source));
      while (call.find()) {
        String context = call.group(1).strip();
        String text = source.getFileName() + ": " + call.group().replaceAll("\\s+", "");
        calls.add(text);
        if (!context.equals("device.context()") && !context.equals("context")) {
          others.add(text);
        }
      }
    }
    assertThat(others).isEmpty();
    assertThat(calls)
        .as("the pattern finds each family that the engine calls")
        .anyMatch(call -> call.contains("rlkd_logprob_forward("))
        .anyMatch(call -> call.contains("rlkd_logprob_backward("))
        .anyMatch(call -> call.contains("rlkd_group_advantage("))
        .anyMatch(call -> call.contains("rlkd_policy_loss("))
        .anyMatch(call -> call.contains("rlkd_structure_alignment("))
        .anyMatch(call -> call.contains("rlkd_sampling("))
        .anyMatch(call -> call.contains("rlkd_decode_attention("))
        .anyMatch(call -> call.contains("rlkd_grad_norm("))
        .anyMatch(call -> call.contains("rlkd_adamw("));
  }

  @Test
  void contexts_are_made_by_devices_alone() {
    assertThat(sources("selftest"))
        .filteredOn(source -> CONTEXT.matcher(read(source)).find())
        .extracting(source -> source.getFileName().toString())
        .containsExactlyInAnyOrder("HostDevice.java", "CudaDevice.java");
  }

  @Test
  void a_local_context_is_that_of_the_device() {
    Pattern local = Pattern.compile("rlkd_context context = (.*);");
    for (Path source : sources("selftest")) {
      Matcher matcher = local.matcher(read(source));
      while (matcher.find()) {
        assertThat(matcher.group(1)).as(source.toString()).isEqualTo("device.context()");
      }
    }
  }

  @Test
  void cuda_classes_are_named_in_one_file_alone() {
    Pattern cuda = Pattern.compile("torch_cuda|org\\.bytedeco\\.(cuda|pytorch\\.cuda)\\b");
    assertThat(sources(""))
        .filteredOn(source -> cuda.matcher(read(source)).find())
        .extracting(source -> source.getFileName().toString())
        .containsExactly("CudaDevice.java");
  }

  private static List<Path> sources(String without) {
    try (var files = Files.walk(SOURCES)) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !file.getParent().getFileName().toString().equals(without))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.core.GoldenFolder;
import org.rlkd.core.UsageException;

/**
 * Every option of the recorded TRL version is known, and TRL's default is our default, but for one.
 */
class TrlConfigKeysGoldenTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Options whose default is another here; docs/trl.md says why. */
  private static final Set<String> OTHER_DEFAULT = Set.of("gradient_checkpointing");

  @TestFactory
  Stream<DynamicTest> everyOptionIsKnownAndItsDefaultChangesNothing() {
    List<Path> files =
        GoldenFolder.files(".", ".json").stream()
            .filter(file -> file.getFileName().toString().matches("trl-.*-config-keys\\.json"))
            .toList();
    assumeTrue(!files.isEmpty(), "no trl-*-config-keys.json in the golden folder");
    return files.stream()
        .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> check(file)));
  }

  private static void check(Path file) throws IOException {
    JsonNode configs = JSON.readTree(file.toFile()).get("configs");
    List<String> wrong = new ArrayList<>();
    int keys = 0;
    for (String name : List.of("GRPOConfig", "ModelConfig", "ScriptArguments")) {
      keys +=
          compare(
              configs.get(name),
              settings -> withoutNotes(GrpoConfig.load(Optional.empty(), settings)),
              wrong);
    }
    for (String name : List.of("SFTConfig", "ModelConfig", "ScriptArguments")) {
      keys +=
          compare(
              configs.get(name),
              settings -> withoutNotes(SftConfig.load(Optional.empty(), settings)),
              wrong);
    }
    assertThat(wrong).isEmpty();
    System.out.printf("%s: %d options known, defaults equal%n", file.getFileName(), keys);
  }

  private static int compare(
      JsonNode config, Function<List<String>, Object> load, List<String> wrong) {
    Object defaults = load.apply(List.of());
    for (Map.Entry<String, JsonNode> option : config.properties()) {
      String setting = option.getKey() + "=" + option.getValue().get("default");
      try {
        Object loaded = load.apply(List.of(setting));
        if (loaded.equals(defaults) == OTHER_DEFAULT.contains(option.getKey())) {
          wrong.add(setting + " gives the configuration " + loaded);
        }
      } catch (UsageException e) {
        wrong.add(setting + ": " + e.getMessage());
      }
    }
    return config.size();
  }

  private static Object withoutNotes(GrpoConfig c) {
    return new GrpoConfig(
        c.model(),
        c.data(),
        c.chat(),
        c.batch(),
        c.sampling(),
        c.loss(),
        c.rewards(),
        c.gsrm(),
        c.optimizer(),
        c.lora(),
        c.run(),
        c.machine(),
        c.shuffleDataset(),
        c.logCompletions(),
        List.of());
  }

  private static Object withoutNotes(SftConfig c) {
    return new SftConfig(
        c.model(),
        c.data(),
        c.chat(),
        c.batchSize(),
        c.gradientAccumulationSteps(),
        c.maxLength(),
        c.sampling(),
        c.packing(),
        c.assistantOnlyLoss(),
        c.completionOnlyLoss(),
        c.optimizer(),
        c.lora(),
        c.run(),
        c.machine(),
        List.of());
  }
}

package org.rlkd.engine.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.model.GoldenModels;
import org.rlkd.engine.model.ModelDirectory;
import org.rlkd.engine.model.SmolLm2;
import org.rlkd.engine.safetensors.SafetensorsFile;
import org.rlkd.engine.tensor.HostArrays;

/** Recorded checkpoints: transformers' continuations, and the invariants of sampling. */
class GenerationGoldenTest {
  /** Invariant 1 of the design; also the limit of the recorded log-probs. */
  private static final double LOGPROB_LIMIT = 1e-4;

  private static double largestRecorded;
  private static double largestTrainer;
  private static int continuations;

  @AfterAll
  static void report() {
    System.out.printf(
        "generation: %d recorded continuations; largest log-prob difference %.2e from the"
            + " recorded ones, %.2e between sampler and trainer%n",
        continuations, largestRecorded, largestTrainer);
  }

  /** A prompt with its recorded continuation. */
  private record Recorded(int[] prompt, int[] tokens, float[] logprobs) {}

  private static List<Recorded> recorded(Path directory) {
    List<Recorded> rows = new ArrayList<>();
    try (PointerScope scope = new PointerScope();
        SafetensorsFile tensors = SafetensorsFile.open(directory.resolve("golden.safetensors"))) {
      for (int i = 0; tensors.entries().containsKey("gen." + i + ".prompt_ids"); i++) {
        String name = "gen." + i + ".";
        rows.add(
            new Recorded(
                HostArrays.toInts(tensors.read(name + "prompt_ids")),
                HostArrays.toInts(tensors.read(name + "tokens")),
                HostArrays.toFloats(tensors.read(name + "logprobs_t0.7"))));
      }
    }
    assumeTrue(!rows.isEmpty(), directory + " records no continuations");
    return rows;
  }

  private interface Check {
    void run(CausalLm model, List<Recorded> rows);
  }

  private static Stream<DynamicTest> forEveryModel(Check check) throws IOException {
    return GoldenModels.directories().stream()
        .map(
            directory ->
                DynamicTest.dynamicTest(
                    directory.getFileName().toString(),
                    () -> {
                      List<Recorded> rows = recorded(directory);
                      try (CausalLm model = ModelDirectory.load(directory)) {
                        check.run(model, rows);
                      }
                    }));
  }

  private static List<GenerationRequest> requests(List<Recorded> rows, int completions) {
    List<GenerationRequest> requests = new ArrayList<>();
    for (Recorded row : rows) {
      requests.add(new GenerationRequest(row.prompt(), completions, requests.size()));
    }
    return requests;
  }

  private static void check(Recorded row, Completion completion) {
    assertThat(completion.tokens()).isEqualTo(row.tokens());
    for (int t = 0; t < row.tokens().length; t++) {
      double difference = Math.abs((double) completion.logprobs()[t] - row.logprobs()[t]);
      assertThat(difference <= LOGPROB_LIMIT).as("token %s differs by %s", t, difference).isTrue();
      largestRecorded = Math.max(largestRecorded, difference);
    }
    continuations++;
  }

  /** top_k = 1 is greedy, and its log-probs are those at the temperature. */
  @TestFactory
  Stream<DynamicTest> mostProbableTokensAndTheirLogprobsAreTheRecordedOnes() throws IOException {
    return forEveryModel(
        (model, rows) -> {
          SamplingParameters sampling =
              SamplingParameters.sample(rows.get(0).tokens().length)
                  .withTemperature(0.7)
                  .withTopK(1);
          List<List<Completion>> completions =
              new Generator(model).generate(requests(rows, 2), sampling, 0);
          for (int i = 0; i < rows.size(); i++) {
            for (Completion completion : completions.get(i)) {
              check(rows.get(i), completion);
            }
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> greedyContinuationsAreTheRecordedOnes() throws IOException {
    return forEveryModel(
        (model, rows) -> {
          SamplingParameters greedy = SamplingParameters.greedy(rows.get(0).tokens().length);
          List<List<Completion>> completions =
              new Generator(model).generate(requests(rows, 1), greedy, 0);
          for (int i = 0; i < rows.size(); i++) {
            assertThat(completions.get(i).get(0).tokens()).isEqualTo(rows.get(i).tokens());
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> samplerLogprobsEqualTheTrainers() throws IOException {
    return forEveryModel(
        (model, rows) -> {
          for (double temperature : new double[] {1, 0.7}) {
            SamplingParameters sampling =
                SamplingParameters.sample(40).withTemperature(temperature).withSeed(3);
            List<GenerationRequest> requests = requests(rows, 4);
            List<List<Completion>> completions =
                new Generator(model).generate(requests, sampling, 1);
            for (int i = 0; i < requests.size(); i++) {
              for (Completion completion : completions.get(i)) {
                double difference =
                    TrainerLogprobs.largestDifference(
                        model, requests.get(i).promptTokens(), completion, temperature);
                assertThat(difference <= LOGPROB_LIMIT).as("differs by %s", difference).isTrue();
                largestTrainer = Math.max(largestTrainer, difference);
              }
            }
          }
        });
  }

  @TestFactory
  Stream<DynamicTest> samplesAreTheSameAloneAndInAnyBatch() throws IOException {
    return forEveryModel(
        (model, rows) -> {
          SamplingParameters sampling = SamplingParameters.sample(40).withSeed(8);
          List<GenerationRequest> requests = requests(rows, 6);
          List<List<Completion>> together = new Generator(model).generate(requests, sampling, 2);
          for (int concurrent : new int[] {1, 5}) {
            Generator few =
                new Generator(
                    model, null, GeneratorOptions.DEFAULT.withMaxConcurrentSequences(concurrent));
            List<List<Completion>> batches = few.generate(requests, sampling, 2);
            for (int i = 0; i < requests.size(); i++) {
              for (int c = 0; c < 6; c++) {
                assertThat(batches.get(i).get(c).tokens())
                    .isEqualTo(together.get(i).get(c).tokens());
              }
            }
          }
        });
  }

  @Test
  void smolLm2ContinuesItsRecordedPromptsInOneBatch() throws IOException, InterruptedException {
    Path file = GoldenModels.golden().resolve("smollm2.json");
    assumeTrue(Files.exists(file), "golden file is missing: " + file);
    List<Recorded> rows = new ArrayList<>();
    for (JsonNode prompt : new JsonMapper().readTree(Files.readString(file)).get("prompts")) {
      rows.add(
          new Recorded(
              ints(prompt.get("ids")),
              ints(prompt.get("greedy_ids")),
              floats(prompt.get("greedy_logprobs"))));
    }
    try (CausalLm model = ModelDirectory.load(SmolLm2.directory())) {
      SamplingParameters greedy = SamplingParameters.greedy(rows.get(0).tokens().length);
      List<List<Completion>> completions =
          new Generator(model).generate(requests(rows, 1), greedy, 0);
      for (int i = 0; i < rows.size(); i++) {
        check(rows.get(i), completions.get(i).get(0));
      }
    }
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    Arrays.setAll(values, i -> array.get(i).intValue());
    return values;
  }

  private static float[] floats(JsonNode array) {
    float[] values = new float[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).floatValue();
    }
    return values;
  }
}

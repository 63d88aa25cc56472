package org.rlkd.bench;

import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.rlkd.bench.kernels.AdamwBenchmark;
import org.rlkd.bench.kernels.DecodeAttentionBenchmark;
import org.rlkd.bench.kernels.GroupAdvantageBenchmark;
import org.rlkd.bench.kernels.LinearBenchmark;
import org.rlkd.bench.kernels.LogprobBackwardBenchmark;
import org.rlkd.bench.kernels.LogprobForwardBenchmark;
import org.rlkd.bench.kernels.PolicyLossBenchmark;
import org.rlkd.bench.kernels.RmsnormBackwardBenchmark;
import org.rlkd.bench.kernels.RmsnormForwardBenchmark;
import org.rlkd.bench.kernels.RopeBenchmark;
import org.rlkd.bench.kernels.RowsBenchmark;
import org.rlkd.bench.kernels.SamplingBenchmark;
import org.rlkd.bench.kernels.StructureAlignmentBenchmark;
import org.rlkd.bench.kernels.SwigluBackwardBenchmark;
import org.rlkd.bench.kernels.SwigluForwardBenchmark;
import org.rlkd.core.InputException;

/**
 * Runs the benchmarks under JMH, a class at a time.
 *
 * @param quick one small shape of each, one fork, two seconds
 * @param threads of LibTorch, OpenBLAS and librlkd
 * @param log folder for what JMH says
 */
record Suite(boolean quick, int threads, Path log) {
  /** In the order of a run. */
  static final List<Class<? extends Workload>> ALL =
      List.of(
          LogprobForwardBenchmark.class,
          LogprobBackwardBenchmark.class,
          GroupAdvantageBenchmark.class,
          PolicyLossBenchmark.class,
          StructureAlignmentBenchmark.class,
          SamplingBenchmark.class,
          DecodeAttentionBenchmark.class,
          LinearBenchmark.class,
          RowsBenchmark.class,
          RmsnormForwardBenchmark.class,
          RmsnormBackwardBenchmark.class,
          RopeBenchmark.class,
          SwigluForwardBenchmark.class,
          SwigluBackwardBenchmark.class,
          AdamwBenchmark.class,
          LinearLogprobBenchmark.class,
          GenerationBenchmark.class,
          StepBenchmark.class);

  /** The parameter of which a quick run takes the first value alone. */
  private static final String SHAPE = "shape";

  private static final String COMPLETIONS = "completions";

  /**
   * Runs the benchmarks whose class name contains a match of the pattern.
   *
   * @param each hears of every measurement as it comes
   * @throws InputException if no benchmark matches, or one fails, as by a wrong result
   */
  List<Measurement> run(Pattern pattern, Consumer<Measurement> each) {
    List<Measurement> measurements = new ArrayList<>();
    for (Class<? extends Workload> benchmark : ALL) {
      if (!pattern.matcher(benchmark.getSimpleName()).find()) {
        continue;
      }
      try {
        for (RunResult result : new Runner(options(benchmark).build()).run()) {
          Measurement measurement = measurement(benchmark, result);
          measurements.add(measurement);
          each.accept(measurement);
        }
      } catch (RunnerException e) {
        throw new InputException(
            "%s failed; what it said is in %s: %s"
                .formatted(benchmark.getSimpleName(), logFile(benchmark), e.getMessage()),
            e);
      }
    }
    if (measurements.isEmpty()) {
      throw new InputException(
          "no benchmark matches '%s'; there are %s"
              .formatted(pattern, ALL.stream().map(Class::getSimpleName).toList()));
    }
    return measurements;
  }

  private Path logFile(Class<?> benchmark) {
    return log.resolve(benchmark.getSimpleName() + ".log");
  }

  private ChainedOptionsBuilder options(Class<?> benchmark) {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include(Pattern.quote(benchmark.getName()) + "\\.")
            .mode(Mode.AverageTime)
            .timeUnit(TimeUnit.NANOSECONDS)
            .forks(quick ? 1 : 2)
            .warmupIterations(quick ? 2 : 3)
            .warmupTime(TimeValue.milliseconds(quick ? 200 : 1000))
            .measurementIterations(quick ? 5 : 10)
            .measurementTime(TimeValue.milliseconds(quick ? 200 : 1000))
            .threads(1)
            .shouldFailOnError(true)
            .addProfiler(GCProfiler.class)
            .output(logFile(benchmark).toString())
            .jvmArgsAppend(
                "-XX:+UseSerialGC",
                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
                "-Dorg.bytedeco.javacpp.maxBytes=0",
                "-D" + Threads.PROPERTY + "=" + threads);
    if (quick) {
      for (Field field : benchmark.getFields()) {
        Param values = field.getAnnotation(Param.class);
        if (values != null && List.of(SHAPE, COMPLETIONS).contains(field.getName())) {
          options.param(field.getName(), values.value()[0]);
        }
      }
    }
    return options;
  }

  private static Measurement measurement(Class<? extends Workload> benchmark, RunResult result) {
    BenchmarkParams parameters = result.getParams();
    Map<String, String> values = new LinkedHashMap<>();
    parameters.getParamsKeys().stream()
        .sorted()
        .forEach(key -> values.put(key, parameters.getParam(key)));
    String name = parameters.getBenchmark();
    Result<?> time = result.getPrimaryResult();
    return new Measurement(
        name.substring(name.lastIndexOf('.') + 1),
        values,
        time.getStatistics().getPercentile(50) * 1e-9,
        time.getStatistics().getMin() * 1e-9,
        work(benchmark, values),
        counter(result, "triadBytesPerSecond"),
        counter(result, "gemmFlopsPerSecond"),
        counter(result, "gc.alloc.rate.norm"));
  }

  private static double counter(RunResult result, String name) {
    String key =
        result.getSecondaryResults().keySet().stream()
            .filter(found -> found.endsWith(name))
            .findFirst()
            .orElseThrow(() -> new IllegalStateException("JMH gives no counter " + name));
    return result.getSecondaryResults().get(key).getStatistics().getMean();
  }

  /** The work of a benchmark with the given parameters. */
  private static Work work(Class<? extends Workload> benchmark, Map<String, String> parameters) {
    try {
      Workload instance = benchmark.getConstructor().newInstance();
      for (Map.Entry<String, String> parameter : parameters.entrySet()) {
        Field field = benchmark.getField(parameter.getKey());
        String value = parameter.getValue();
        if (field.getType() == long.class) {
          field.setLong(instance, Long.parseLong(value));
        } else if (field.getType() == double.class) {
          field.setDouble(instance, Double.parseDouble(value));
        } else {
          field.set(instance, value);
        }
      }
      return instance.work();
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(benchmark + " has no public constructor or parameter", e);
    }
  }
}

package org.rlkd.core.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.rlkd.core.GoldenFolder;

/**
 * {@code docs/trl.md} is what the recorded options of TRL and the tables of keys, by which
 * configurations are read, make of it.
 */
class TrlPageGoldenTest {

  private static final String WRITE = "rlkd.write-trl-page";

  private static final String HEAD =
      """
      # Options of TRL %s

      What becomes of each option of TRL here. Written by `TrlPageGoldenTest` from TRL's recorded options and from the tables by which
      `rlkd train` and `rlkd sft` read a configuration; do not edit it. After a change of either:

          mvn -q -o -pl java/rlkd-core test -Dtest=TrlPageGoldenTest -D%s=true

      An option **acts** as TRL documents it, or with the difference that is named; it is **not applicable**, because training here is
      the same whatever its value (a run that is given it says so once); or it is **refused**, because it would change the result and is
      not implemented: only the values that leave it off are accepted. `rlkd train` reads GRPOConfig, `rlkd sft` SFTConfig, both read
      ModelConfig and ScriptArguments. Values and keys of rlkd's own: [configuration.md](configuration.md).
      """;

  @Test
  void thePageNamesEveryOptionOfTrlWithItsStanding() throws IOException {
    List<Path> recorded =
        GoldenFolder.files(".", ".json").stream()
            .filter(file -> file.getFileName().toString().matches("trl-.*-config-keys\\.json"))
            .toList();
    assumeTrue(!recorded.isEmpty(), "no trl-*-config-keys.json in the golden folder");
    JsonNode trl = new ObjectMapper().readTree(recorded.get(recorded.size() - 1).toFile());

    List<String> withoutStanding = new ArrayList<>();
    String expected = page(trl, withoutStanding);
    assertThat(withoutStanding).as("options of TRL that the tables of keys don't have").isEmpty();

    Path file = Path.of(System.getProperty("rlkd.root", "../.."), "docs", "trl.md");
    if (Boolean.getBoolean(WRITE)) {
      Files.writeString(file, expected);
    }
    assertThat(Files.exists(file) ? Files.readString(file) : "")
        .as("docs/trl.md is stale; write it anew with -D%s=true and commit it", WRITE)
        .isEqualTo(expected);
  }

  private static String page(JsonNode trl, List<String> withoutStanding) {
    KeyTable grpo = GrpoConfig.keys();
    KeyTable sft = SftConfig.keys();
    Map<String, List<KeyTable>> readers = new LinkedHashMap<>();
    readers.put("GRPOConfig", List.of(grpo));
    readers.put("SFTConfig", List.of(sft));
    readers.put("ModelConfig", List.of(grpo, sft));
    readers.put("ScriptArguments", List.of(grpo, sft));

    StringBuilder page = new StringBuilder(HEAD.formatted(trl.get("trl").textValue(), WRITE));
    readers.forEach(
        (config, tables) -> {
          Map<String, Integer> counts = new TreeMap<>();
          StringBuilder rows = new StringBuilder();
          Map<String, JsonNode> options = new TreeMap<>();
          trl.get("configs")
              .get(config)
              .properties()
              .forEach(o -> options.put(o.getKey(), o.getValue()));
          options.forEach(
              (name, option) -> {
                Optional<Row> row = row(name, option, tables);
                if (row.isEmpty()) {
                  withoutStanding.add(config + "." + name);
                } else {
                  counts.merge(row.get().kind(), 1, Integer::sum);
                  rows.append(row.get().line());
                }
              });
          page.append("\n## ").append(config).append("\n\n").append(options.size());
          page.append(" options: ").append(summary(counts)).append(".\n\n");
          page.append(
              "| option | type | TRL's default | ours | standing |\n|---|---|---|---|---|\n");
          page.append(rows);
        });
    return page.toString();
  }

  private static String summary(Map<String, Integer> counts) {
    List<String> parts = new ArrayList<>();
    counts.forEach((kind, count) -> parts.add(count + " " + kind));
    return String.join(", ", parts);
  }

  /**
   * @param kind of standing, for the counts
   */
  private record Row(String kind, String line) {}

  /** Empty if a command that reads the option does not know it. */
  private static Optional<Row> row(String name, JsonNode option, List<KeyTable> tables) {
    List<Standing> standings = new ArrayList<>();
    for (KeyTable table : tables) {
      if (table.standing(name) == null) {
        return Optional.empty();
      }
      if (!standings.contains(table.standing(name))) {
        standings.add(table.standing(name));
      }
    }
    assertThat(standings).as("standing of " + name + " in the two commands").hasSize(1);
    Standing standing = standings.get(0);
    String ours = "";
    String kind;
    String text;
    if (standing instanceof Standing.Acts acts) {
      ours = code(number(acts.defaultValue()));
      kind = acts.difference().isPresent() ? "act with a difference" : "act";
      text = acts.difference().map(how -> "acts, with a difference: " + how).orElse("acts");
    } else if (standing instanceof Standing.NotApplicable notApplicable) {
      kind = "not applicable";
      text = "not applicable: " + notApplicable.reason();
    } else {
      Standing.Refused refused = (Standing.Refused) standing;
      kind = "refused unless off";
      text =
          "refused but for %s: %s"
              .formatted(
                  String.join(
                      ", ",
                      refused.accepted().stream().sorted().map(value -> code(value)).toList()),
                  refused.reason());
    }
    return Optional.of(
        new Row(
            kind,
            "| `%s` | %s | %s | %s | %s |\n"
                .formatted(name, type(option), code(trlDefault(option)), ours, text)));
  }

  private static String type(JsonNode option) {
    return option.get("type").textValue().replaceAll("<class '(.*)'>", "$1").replace("|", "or");
  }

  private static String trlDefault(JsonNode option) {
    JsonNode value = option.get("default");
    return value.isTextual() ? value.textValue() : number(value.toString());
  }

  /** Numbers alike, however they are written. */
  private static String number(String text) {
    return ValueType.finite(text)
        .map(n -> new BigDecimal(n.toString()).stripTrailingZeros())
        .map(n -> n.abs().doubleValue() >= 1e-3 || n.signum() == 0 ? n.toPlainString() : n + "")
        .orElse(text);
  }

  private static String code(String text) {
    return text.isEmpty() ? "(empty)" : "`" + text + "`";
  }
}

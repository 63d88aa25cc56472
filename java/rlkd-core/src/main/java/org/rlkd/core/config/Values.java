package org.rlkd.core.config;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.rlkd.core.InputException;
import org.rlkd.core.text.NearestName;

/** The keys of a file and of {@code --set}, checked against a table. */
final class Values {

  private record Given(YamlValue value, String source, int line) {}

  private final KeyTable table;
  private final Findings findings = new Findings();
  private final Map<String, Given> given = new LinkedHashMap<>();
  private final Set<String> unreadable = new HashSet<>();
  private final String file;
  private final DataSearchPath dataSearchPath;

  private Values(KeyTable table, Optional<Path> file) {
    this.table = table;
    this.file = file.map(Path::toString).orElse("configuration");
    this.dataSearchPath = DataSearchPath.of(file);
  }

  /**
   * Reads a file, then the settings, which win.
   *
   * @param settings {@code key=value}, nested keys with dots; the value is YAML
   */
  static Values read(KeyTable table, Optional<Path> file, List<String> settings) {
    Values values = new Values(table, file);
    file.ifPresent(values::readFile);
    settings.forEach(values::readSetting);
    values.checkStandings();
    return values;
  }

  private void readFile(Path path) {
    String text;
    try {
      text = Files.readString(path);
    } catch (NoSuchFileException e) {
      throw new InputException(path + " does not exist; expected a YAML configuration", e);
    } catch (CharacterCodingException e) {
      throw new InputException(path + " is not UTF-8 text; expected a YAML configuration", e);
    } catch (IOException e) {
      throw new InputException("cannot read " + path + ": " + e, e);
    }
    add("", YamlDocument.file(text, file, findings), file);
  }

  private void readSetting(String setting) {
    int equals = setting.indexOf('=');
    if (equals < 1) {
      findings.add("--set " + setting, 0, "expected key=value");
      return;
    }
    String key = setting.substring(0, equals).strip();
    String source = "--set " + key;
    String written = setting.substring(equals + 1);
    YamlValue value =
        isPlainText(key, written)
            ? new YamlValue.Scalar(written, true, 0)
            : YamlDocument.value(written, source, findings);
    if (value != null) {
      add(key, value, 0, source);
    }
  }

  /** A path or prompt on the command line may hold what YAML would take for more than text. */
  private boolean isPlainText(String key, String written) {
    return table.standing(key) instanceof Standing.Acts acts
        && (acts.expected().equals(ValueType.TEXT.expected())
            || acts.expected().equals(ValueType.TEXT.orNull().expected()))
        && !written.startsWith("'")
        && !written.startsWith("\"");
  }

  private void add(String prefix, YamlValue.Mapping mapping, String source) {
    for (YamlValue.Entry entry : mapping.entries()) {
      add(prefix + entry.key(), entry.value(), entry.line(), source);
    }
  }

  private void add(String name, YamlValue value, int line, String source) {
    if (table.standing(name) != null) {
      Given earlier = given.put(name, new Given(value, source, line));
      if (earlier != null && line > 0 && earlier.source.equals(source)) {
        findings.add(
            source,
            line,
            name + ": found a second time, first on line " + earlier.line + "; remove one");
      }
    } else if (!table.groups().contains(name)) {
      findings.add(source, line, name + ": there is no such key" + hint(name));
    } else if (value instanceof YamlValue.Mapping mapping) {
      add(name + ".", mapping, source);
    } else if (!(value instanceof YamlValue.Scalar scalar && scalar.isNull())) {
      findings.add(
          source, line, name + ": found " + value.describe() + ", expected indented keys under it");
    }
  }

  private String hint(String name) {
    Set<String> known = new HashSet<>(table.names());
    known.addAll(table.groups());
    return NearestName.hint(name, new java.util.TreeSet<>(known));
  }

  private void checkStandings() {
    given.forEach(
        (name, entry) -> {
          if (table.standing(name) instanceof Standing.Refused refused
              && !refused.accepts(entry.value)) {
            findings.add(
                entry.source,
                entry.line,
                name
                    + ": "
                    + entry.value.describe()
                    + " is refused: "
                    + refused.reason()
                    + "; accepted: "
                    + String.join(", ", new java.util.TreeSet<>(refused.accepted())));
          }
        });
  }

  /**
   * The value of a key, its default where it is not given or, with a finding, where it is wrong.
   */
  <T> T get(Key<T> key) {
    Given entry = given.get(key.name());
    if (entry == null) {
      return key.defaultValue();
    }
    Optional<T> value = key.type().reader().apply(entry.value);
    if (value.isEmpty()) {
      unreadable.add(key.name());
      complain(
          key,
          "found "
              + entry.value.describe()
              + ", expected "
              + key.type().expected()
              + key.type().hint(entry.value));
    }
    return value.orElse(key.defaultValue());
  }

  /**
   * Whether the values of the keys are what they should be, so that it makes sense to compare them.
   */
  boolean readable(Key<?>... keys) {
    for (Key<?> key : keys) {
      get(key);
      if (unreadable.contains(key.name())) {
        return false;
      }
    }
    return true;
  }

  /** Where relative names of data are looked for. */
  DataSearchPath dataSearchPath() {
    return dataSearchPath;
  }

  boolean has(Key<?> key) {
    return given.containsKey(key.name());
  }

  /** Adds a finding about a key's value at the key's line. */
  void complain(Key<?> key, String message) {
    Given entry = given.get(key.name());
    findings.add(
        entry == null ? file : entry.source,
        entry == null ? 0 : entry.line,
        key.name() + ": " + message);
  }

  void throwFindings() {
    findings.throwIfAny();
  }

  /** One line for each reason: the given keys that have no meaning here. */
  List<String> notApplicable() {
    Map<String, List<String>> byReason = new LinkedHashMap<>();
    for (String name : given.keySet()) {
      if (table.standing(name) instanceof Standing.NotApplicable standing) {
        byReason.computeIfAbsent(standing.reason(), reason -> new ArrayList<>()).add(name);
      }
    }
    List<String> lines = new ArrayList<>();
    byReason.forEach(
        (reason, names) -> lines.add(String.join(", ", names) + ": not applicable: " + reason));
    return lines;
  }
}

package org.rlkd.core.config;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/** Reads YAML with line numbers; what is wrong with it goes to the findings. */
final class YamlDocument {

  private static final int MAX_DEPTH = 20;

  /** More lines with tabs than these are not told one by one. */
  private static final int MOST_TABS = 100;

  private static final String TAB_AS_SPACES = "  ";

  private final Findings findings;
  private final String source;

  private YamlDocument(String source, Findings findings) {
    this.source = source;
    this.findings = findings;
  }

  /** The mapping of a file; empty if the file is empty or broken. */
  static YamlValue.Mapping file(String text, String source, Findings findings) {
    YamlValue value = new YamlDocument(source, findings).read(text);
    if (value instanceof YamlValue.Mapping mapping) {
      return mapping;
    }
    if (value != null && !(value instanceof YamlValue.Scalar scalar && scalar.isNull())) {
      findings.add(
          source,
          value.line(),
          "found " + value.describe() + ", expected keys and values ('key: value' on each line)");
    }
    return new YamlValue.Mapping(List.of(), 0);
  }

  /** The value of a {@code --set key=value}, which has no line; null if it is broken. */
  static YamlValue value(String text, String source, Findings findings) {
    YamlValue value = new YamlDocument(source, findings).read(text);
    return value == null ? null : withoutLines(value);
  }

  /** Tabs in the indentation are told and taken for spaces, so that the rest is read too. */
  private YamlValue read(String written) {
    String text = written;
    for (int told = 0; told < MOST_TABS; told++) {
      try {
        return compose(text);
      } catch (MarkedYAMLException e) {
        int line = e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1;
        boolean tab = e.getProblem() != null && e.getProblem().contains("TAB");
        List<String> lines = new ArrayList<>(text.lines().toList());
        if (!tab || line == 0 || line > lines.size() || !lines.get(line - 1).contains("\t")) {
          broken(e, line);
          return null;
        }
        findings.add(
            source,
            line,
            "found a tab, expected spaces: YAML is indented by spaces; replace the tab");
        lines.set(line - 1, lines.get(line - 1).replace("\t", TAB_AS_SPACES));
        text = String.join("\n", lines) + "\n";
      } catch (YAMLException e) {
        findings.add(source, 0, "broken YAML: " + e.getMessage());
        return null;
      }
    }
    return null;
  }

  private void broken(MarkedYAMLException e, int line) {
    findings.add(
        source,
        line,
        "broken YAML: " + (e.getContext() == null ? "" : e.getContext() + ": ") + e.getProblem());
  }

  private YamlValue compose(String text) {
    Node node = new Yaml(new LoaderOptions()).compose(new StringReader(text));
    return node == null ? new YamlValue.Scalar("", true, 1) : convert(node, 0);
  }

  private YamlValue convert(Node node, int depth) {
    int line = node.getStartMark().getLine() + 1;
    if (depth > MAX_DEPTH) {
      throw new YAMLException(
          "values are nested more than " + MAX_DEPTH + " deep, or refer to themselves");
    }
    if (node instanceof ScalarNode scalar) {
      boolean plain = scalar.getScalarStyle() == DumperOptions.ScalarStyle.PLAIN;
      return new YamlValue.Scalar(scalar.getValue(), plain, line);
    }
    if (node instanceof SequenceNode sequence) {
      List<YamlValue> items = new ArrayList<>();
      for (Node item : sequence.getValue()) {
        items.add(convert(item, depth + 1));
      }
      return new YamlValue.Sequence(items, line);
    }
    return mapping((MappingNode) node, line, depth);
  }

  private YamlValue mapping(MappingNode node, int line, int depth) {
    List<YamlValue.Entry> entries = new ArrayList<>();
    Map<String, Integer> firstLines = new HashMap<>();
    for (NodeTuple tuple : node.getValue()) {
      int keyLine = tuple.getKeyNode().getStartMark().getLine() + 1;
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        findings.add(source, keyLine, "found a list or mapping as a key, expected a name");
        continue;
      }
      Integer first = firstLines.putIfAbsent(key.getValue(), keyLine);
      if (first != null) {
        findings.add(
            source,
            keyLine,
            key.getValue() + ": found a second time, first on line " + first + "; remove one");
        continue;
      }
      entries.add(
          new YamlValue.Entry(key.getValue(), convert(tuple.getValueNode(), depth + 1), keyLine));
    }
    return new YamlValue.Mapping(entries, line);
  }

  private static YamlValue withoutLines(YamlValue value) {
    if (value instanceof YamlValue.Scalar scalar) {
      return new YamlValue.Scalar(scalar.text(), scalar.plain(), 0);
    }
    if (value instanceof YamlValue.Sequence sequence) {
      return new YamlValue.Sequence(
          sequence.items().stream().map(YamlDocument::withoutLines).toList(), 0);
    }
    YamlValue.Mapping mapping = (YamlValue.Mapping) value;
    return new YamlValue.Mapping(
        mapping.entries().stream()
            .map(entry -> new YamlValue.Entry(entry.key(), withoutLines(entry.value()), 0))
            .toList(),
        0);
  }
}

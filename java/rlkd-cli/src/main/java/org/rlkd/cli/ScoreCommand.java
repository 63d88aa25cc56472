package org.rlkd.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.data.Row;
import org.rlkd.core.data.RowSource;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.scoring.SequenceScorer;
import org.rlkd.engine.scoring.TokenScores;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rlkd score}: per-token log-prob, entropy and NLL of given text or token ids. */
@Command(
    name = "score",
    description = {
      "Scores each row of a JSONL file with a model.",
      "Rows in: {\"text\": ...} or {\"tokens\": [ids]}. One line out for each row in, in order: tokens,"
          + " logprob and entropy (nats, of every token after the first), nll (their mean)."
    },
    mixinStandardHelpOptions = true)
final class ScoreCommand implements Runnable {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Mixin private ModelOptions model;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "FILE",
      description = "JSONL or Parquet.")
  private Path input;

  @Option(names = "--out", paramLabel = "FILE", description = "Default: standard output.")
  private Path out;

  @Option(names = "--temperature", defaultValue = "1", description = "Divides the logits.")
  private double temperature;

  @Option(names = "--batch-size", defaultValue = "8", description = "Sequences scored at once.")
  private int batchSize;

  @Override
  public void run() {
    if (!(temperature > 0)) {
      throw new UsageException(
          "--temperature %s: expected a number above 0".formatted(temperature));
    }
    if (batchSize < 1) {
      throw new UsageException("--batch-size %d: expected at least 1".formatted(batchSize));
    }
    try (PretrainedModel pretrained = model.load();
        SequenceScorer scorer = new SequenceScorer(pretrained.model(), temperature);
        RowSource rows = RowSource.open(input);
        LineOutput lines = LineOutput.to(out)) {
      if (!rows.hasNext()) {
        throw new InputException(
            "data file %s is empty: expected at least one row with text or tokens"
                .formatted(input));
      }
      List<Row> batch = new ArrayList<>();
      while (rows.hasNext()) {
        batch.add(rows.next());
        if (batch.size() == batchSize || !rows.hasNext()) {
          score(batch, pretrained, scorer, lines);
          batch.clear();
        }
      }
      lines.complete();
    }
  }

  private static void score(
      List<Row> rows, PretrainedModel pretrained, SequenceScorer scorer, LineOutput lines) {
    List<int[]> sequences = rows.stream().map(row -> tokens(row, pretrained)).toList();
    List<TokenScores> scores;
    try {
      scores = scorer.score(sequences);
    } catch (InputException e) {
      throw new InputException(
          "%s to %s: %s"
              .formatted(rows.get(0).place(), rows.get(rows.size() - 1).place(), e.getMessage()),
          e);
    }
    for (TokenScores score : scores) {
      ObjectNode line = JSON.createObjectNode();
      line.set("tokens", JSON.valueToTree(score.tokens()));
      line.set("logprob", JSON.valueToTree(score.logprob()));
      line.set("entropy", JSON.valueToTree(score.entropy()));
      double nll = score.meanNll();
      line.put("nll", Double.isNaN(nll) ? null : nll);
      lines.write(line);
    }
  }

  private static int[] tokens(Row row, PretrainedModel pretrained) {
    JsonNode text = row.fields().path("text");
    JsonNode ids = row.fields().path("tokens");
    if (text.isTextual() == ids.isArray()) {
      throw new InputException(
          "%s: expected one of \"text\" (a text) and \"tokens\" (a list of ids), found %s"
              .formatted(row.place(), text.isTextual() ? "both" : "neither"));
    }
    if (text.isTextual()) {
      return pretrained.tokenizer().encode(text.textValue());
    }
    int[] tokens = new int[ids.size()];
    for (int i = 0; i < tokens.length; i++) {
      if (!ids.get(i).isInt()) {
        throw new InputException(
            "%s: tokens[%d] is %s, expected a token id".formatted(row.place(), i, ids.get(i)));
      }
      tokens[i] = ids.get(i).intValue();
    }
    return tokens;
  }
}

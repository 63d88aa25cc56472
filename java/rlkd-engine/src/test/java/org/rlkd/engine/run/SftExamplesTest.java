package org.rlkd.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.core.UsageException;
import org.rlkd.core.config.SftConfig;
import org.rlkd.core.data.Row;
import org.rlkd.engine.tokenizer.ByteTokenizer;
import org.rlkd.engine.tokenizer.Tokenizer;
import org.rlkd.engine.training.TrainingSequence;

class SftExamplesTest {

  private static final String MARKED =
      "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}!{% endgeneration %}{% else %}{{ m.content }}{% endif %}|"
          + "{% endfor %}";
  private static final String UNMARKED =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}!{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
  private static final String CHAT =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", \"content\": \"ab👍\"},"
          + " {\"role\": \"user\", \"content\": \"r\"}, {\"role\": \"assistant\", \"content\": \"s\"}]}";

  @TempDir private Path directory;

  private record Learned(String text, String learned) {}

  /** The text of a row's tokens, and of those that are learned. */
  private Learned learn(Optional<String> template, String row, String... settings)
      throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(ByteTokenizer.write(directory), template)) {
      SftConfig config = SftConfig.load(Optional.empty(), List.of(settings));
      ObjectNode fields = (ObjectNode) new ObjectMapper().readTree(row);
      TrainingSequence sequence =
          new SftExamples(config, tokenizer).example(new Row(Path.of("data.jsonl"), 7, fields));
      int[] learned =
          java.util.stream.IntStream.range(0, sequence.length())
              .filter(t -> sequence.target()[t])
              .map(t -> sequence.tokens()[t])
              .toArray();
      return new Learned(
          tokenizer.decode(sequence.tokens(), false), tokenizer.decode(learned, false));
    }
  }

  @Test
  void textIsLearnedWholeAndEndsWithEos() throws IOException {
    assertThat(learn(Optional.empty(), "{\"text\": \"ab\"}"))
        .isEqualTo(new Learned("<s>ab</s>", "<s>ab</s>"));
    assertThat(learn(Optional.empty(), "{\"story\": \"x\"}", "dataset_text_field=story").text())
        .isEqualTo("<s>x</s>");
  }

  @Test
  void aCompletionAloneIsLearnedUnlessBothAreWanted() throws IOException {
    String row = "{\"prompt\": \"2+2=\", \"completion\": \"4\"}";
    assertThat(learn(Optional.empty(), row)).isEqualTo(new Learned("<s>2+2=4</s>", "4</s>"));
    assertThat(learn(Optional.empty(), row, "completion_only_loss=false").learned())
        .isEqualTo("<s>2+2=4</s>");
  }

  @Test
  void whatTheAssistantSaidIsTakenFromTheTemplatesMarks() throws IOException {
    assertThat(learn(Optional.of(MARKED), CHAT, "assistant_only_loss=true"))
        .isEqualTo(new Learned("<user>q|<assistant>ab👍!|<user>r|<assistant>s!|", "ab👍!s!"));
    Learned all = learn(Optional.of(MARKED), CHAT);
    assertThat(all.learned()).isEqualTo(all.text());
  }

  @Test
  void whatTheAssistantSaidIsTakenFromTheTurnsWhereTheTemplateMarksNothing() throws IOException {
    assertThat(learn(Optional.of(UNMARKED), CHAT, "assistant_only_loss=true"))
        .isEqualTo(new Learned("<user>q!<assistant>ab👍!<user>r!<assistant>s!", "ab👍!s!"));
  }

  @Test
  void rowsAndOptionsThatDoNotFitAreNamed() {
    assertThatThrownBy(() -> learn(Optional.empty(), "{\"answer\": \"x\"}"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("data.jsonl, row 7: found the columns [answer]");
    assertThatThrownBy(
            () -> learn(Optional.empty(), "{\"text\": \"x\"}", "assistant_only_loss=true"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("expected messages");
    assertThatThrownBy(() -> learn(Optional.of(MARKED), CHAT, "completion_only_loss=true"))
        .isInstanceOf(UsageException.class)
        .hasMessageContaining("completion_only_loss");
    assertThatThrownBy(() -> learn(Optional.empty(), CHAT))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no chat template");
  }
}

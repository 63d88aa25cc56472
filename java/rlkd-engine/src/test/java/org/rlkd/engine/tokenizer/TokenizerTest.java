package org.rlkd.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;

class TokenizerTest {

  private static final String CHAT =
      "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}";

  @TempDir private Path directory;

  private Path write() throws IOException {
    return ByteTokenizer.write(directory);
  }

  private void config(String entries) throws IOException {
    ByteTokenizer.config(directory, entries);
  }

  @Test
  void specialTokensAreAddedUnlessAskedNotTo() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(write())) {
      assertThat(tokenizer.encode("ab!")).containsExactly(257, 256, '!');
      assertThat(tokenizer.encode("ab!", false)).containsExactly(256, '!');
      assertThat(tokenizer.encode("x</s>", false)).containsExactly('x', 258);
      assertThat(tokenizer.decode(new int[] {257, 256, 258}, true)).isEqualTo("ab");
      assertThat(tokenizer.decode(new int[] {257, 256, 258}, false)).isEqualTo("<s>ab</s>");
      assertThat(tokenizer.decode(new int[] {'a', 5000, 'b'}, false)).isEqualTo("ab");
      assertThat(tokenizer.vocabSize()).isEqualTo(259);
    }
  }

  @Test
  void longTextsAreNotTruncatedWhateverTheFileSays() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(write())) {
      assertThat(tokenizer.encode("x".repeat(10_000), false)).hasSize(10_000);
    }
  }

  @Test
  void padFallsBackToEosAndEveryEosIdIsKnown() throws IOException {
    write();
    Files.writeString(
        directory.resolve("generation_config.json"), "{\"eos_token_id\": [257, 258]}");
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      SpecialTokens special = tokenizer.specialTokens();
      assertThat(special.bosId()).hasValue(257);
      assertThat(special.eosId()).hasValue(258);
      assertThat(special.padId()).hasValue(258);
      assertThat(special.eosIds()).containsExactly(258, 257);
      assertThat(special.byName()).doesNotContainKey("pad_token");
    }
  }

  @Test
  void spansPointIntoTheTextInUtf16Units() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(write())) {
      String text = "a👍ab";
      TokenSpans spans = tokenizer.encodeWithSpans(text, true);
      assertThat(spans.ids()).containsExactly(257, 'a', 0xf0, 0x9f, 0x91, 0x8d, 256);
      assertThat(spans.starts()).containsExactly(0, 0, 1, 1, 1, 1, 3);
      assertThat(spans.ends()).containsExactly(0, 1, 3, 3, 3, 3, 5);
    }
  }

  @Test
  void aStreamGivesWholeCharactersAndInTheEndEverything() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(write())) {
      DecodeStream stream = tokenizer.decodeStream(true);
      assertThat(stream.push('a')).isEqualTo("a");
      assertThat(stream.push(0xf0)).isEmpty();
      assertThat(stream.push(0x9f)).isEmpty();
      assertThat(stream.push(0x91)).isEmpty();
      assertThat(stream.push(0x8d)).isEqualTo("👍");
      assertThat(stream.push(258)).isEmpty();
      assertThat(stream.push(0xc3)).isEmpty();
      assertThat(stream.finish()).isEqualTo("\uFFFD");

      Random random = new Random(7);
      for (int round = 0; round < 200; round++) {
        int[] ids = random.ints(random.nextInt(40), 0, 259).toArray();
        DecodeStream pieces = tokenizer.decodeStream(false);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
          text.append(pieces.push(id));
        }
        text.append(pieces.finish());
        assertThat(text.toString()).isEqualTo(tokenizer.decode(ids, false));
      }
    }
  }

  @Test
  void theChatTemplateGetsTheSpecialTokensAndAddsNoMore() throws IOException {
    write();
    Files.writeString(directory.resolve("chat_template.jinja"), CHAT);
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      List<ChatMessage> messages = List.of(ChatMessage.user("ab"));
      assertThat(tokenizer.renderChat(messages, false, Map.of())).isEqualTo("<s>[user]ab</s>");
      assertThat(tokenizer.encodeChat(messages, false, Map.of()))
          .containsExactly(257, '[', 'u', 's', 'e', 'r', ']', 256, 258);
    }
  }

  @Test
  void aSavedDirectoryLoadsAndKeepsAGivenTemplate(@TempDir Path target) throws IOException {
    write();
    try (Tokenizer tokenizer = Tokenizer.load(directory, Optional.of(CHAT))) {
      tokenizer.save(target);
      tokenizer.save(directory);
    }
    try (Tokenizer saved = Tokenizer.load(target)) {
      assertThat(saved.encode("ab")).containsExactly(257, 256);
      assertThat(saved.chatTemplate().orElseThrow().source()).isEqualTo(CHAT);
      assertThatThrownBy(() -> saved.save(target.resolve("missing")))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("cannot write");
    }
  }

  @Test
  void whatIsMissingOrBrokenIsNamed() throws IOException {
    assertThatThrownBy(() -> Tokenizer.load(directory.resolve("no")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no is not a directory");
    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("has no tokenizer.json");
    Files.writeString(directory.resolve("tokenizer.json"), "{\n\"model\": ");
    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("tokenizer.json, line 2: broken JSON");
    Files.writeString(directory.resolve("tokenizer.json"), "{\"model\": {\"vocab\": {\"a\": 0}}}");
    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("not a tokenizer that the tokenizers library can load");
  }

  @Test
  void aSpecialTokenOutsideTheVocabularyIsNamed() throws IOException {
    write();
    config("\"eos_token\": \"<end>\"");
    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("eos_token is '<end>'");
  }

  @Test
  void aBrokenTemplateAndAMissingOneAreNamed() throws IOException {
    write();
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertThatThrownBy(() -> tokenizer.renderChat(List.of(ChatMessage.user("x")), true, Map.of()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("has no chat template");
      assertThatThrownBy(() -> tokenizer.decode(new int[] {1, -1}, true))
          .hasMessageContaining("token -1 at position 1");
    }
    Files.writeString(directory.resolve("chat_template.jinja"), "x\n{% if %}");
    assertThatThrownBy(() -> Tokenizer.load(directory))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("chat template, line 2")
        .hasMessageContaining(directory.toString());
    Files.delete(directory.resolve("chat_template.jinja"));
    Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": \"x\"}");
    assertThatThrownBy(() -> Tokenizer.load(directory))
        .hasMessageContaining("eos_token_id is \"x\"; expected a token id");
  }

  @Test
  void aLoneSurrogateBecomesTheReplacementCharacterAndLeavesTheRestAlone() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(write())) {
      for (String text : new String[] {"a\uD83Db\u0000c👍", "\uDC4D\uD83D", "x\uD83D"}) {
        int[] ids = tokenizer.encode(text, false);
        assertThat(tokenizer.decode(ids, false))
            .isEqualTo(text.replaceAll("[\\x{D800}-\\x{DFFF}]", "\uFFFD"));
      }
    }
  }
}

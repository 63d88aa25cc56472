package org.rlkd.engine.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.JudgePrompt;
import org.rlkd.core.gsrm.JudgeQuestion;
import org.rlkd.core.gsrm.Verdict;
import org.rlkd.engine.PretrainedModel;
import org.rlkd.engine.model.SmolLm2;
import org.rlkd.engine.tensor.HostArrays;
import org.rlkd.engine.tokenizer.ByteTokenizer;
import org.rlkd.engine.tokenizer.PromptEncoder;
import org.rlkd.engine.tokenizer.Tokenizer;

class GenerativeJudgeTest {
  @TempDir Path folder;

  @Test
  void probabilities_are_those_of_the_first_token_of_each_question_alone()
      throws IOException, InterruptedException {
    try (PretrainedModel pretrained = PretrainedModel.load(SmolLm2.directory())) {
      pretrained.model().setTrainable(false);
      GenerativeJudge judge =
          new GenerativeJudge("smollm2", pretrained.model(), pretrained.tokenizer());
      List<JudgeQuestion> questions =
          List.of(
              new JudgeQuestion(Aspect.QUERY, "How many apples are red?", "Count the red apples."),
              new JudgeQuestion(Aspect.QUERY, "How many apples are red?", "What do pears cost?"),
              new JudgeQuestion(Aspect.ANSWER, "a circle", "a square"));
      List<Verdict> verdicts = judge.ask(questions);
      for (int i = 0; i < questions.size(); i++) {
        assertThat(verdicts.get(i).probability())
            .isCloseTo(plain(pretrained, questions.get(i)), within(1e-4));
      }
      assertThat(verdicts.get(0)).isNotEqualTo(verdicts.get(1));
    }
  }

  /** By a forward pass of the whole prompt and a softmax over the whole vocabulary. */
  private static double plain(PretrainedModel pretrained, JudgeQuestion question) {
    Tokenizer tokenizer = pretrained.tokenizer();
    int[] prompt =
        new PromptEncoder(tokenizer, Map.of())
            .encode(List.of(new ChatMessage("user", JudgePrompt.of(question))))
            .tokens();
    try (PointerScope scope = new PointerScope();
        AutoGradMode noGradients = new AutoGradMode(false)) {
      Tensor ids =
          HostArrays.longs(Arrays.stream(prompt).asLongStream().toArray(), 1, prompt.length);
      Tensor last = pretrained.model().hidden(ids, null).select(1, prompt.length - 1);
      float[] probabilities =
          HostArrays.toFloats(pretrained.model().logits(last).softmax(-1).contiguous());
      double yes = 0;
      double no = 0;
      for (int token = 0; token < probabilities.length; token++) {
        String word = tokenizer.decode(new int[] {token}, true).strip();
        yes += word.equalsIgnoreCase("yes") ? probabilities[token] : 0;
        no += word.equalsIgnoreCase("no") ? probabilities[token] : 0;
      }
      return yes / (yes + no);
    }
  }

  @Test
  void a_vocabulary_without_the_words_is_refused() throws IOException {
    try (Tokenizer bytes = Tokenizer.load(ByteTokenizer.write(folder));
        PretrainedModel any = PretrainedModel.load(SmolLm2.directory())) {
      assertThatThrownBy(() -> new GenerativeJudge("bytes", any.model(), bytes))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("no single token for yes");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

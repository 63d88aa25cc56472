package org.rlkd.engine.gsrm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.gsrm.Aspect;
import org.rlkd.core.gsrm.JudgePrompt;
import org.rlkd.core.gsrm.JudgeQuestion;
import org.rlkd.core.gsrm.QuestionJudge;
import org.rlkd.core.gsrm.Verdict;
import org.rlkd.engine.generation.SharedPrefixForward;
import org.rlkd.engine.model.CausalLm;
import org.rlkd.engine.tokenizer.PromptEncoder;
import org.rlkd.engine.tokenizer.Tokenizer;

/**
 * A language model says yes or no: P(yes) / (P(yes) + P(no)) of its first token, over all tokens
 * that are one of the words in any case and with any white space. Nothing is sampled.
 *
 * <p>Questions about the same teacher text share their beginning, which is run once; see {@link
 * SharedPrefixForward}. Runs on the thread that owns the model; model and tokenizer stay the
 * caller's.
 */
public final class GenerativeJudge implements QuestionJudge {
  private final String id;
  private final PromptEncoder encoder;
  private final SharedPrefixForward forward;
  private final int[] words;
  private final int yesWords;
  private final int longestPrompt;

  /**
   * A judge over a model.
   *
   * @param identity of the weights, part of {@link #id}
   * @throws InputException if the vocabulary has no token for yes or for no
   */
  public GenerativeJudge(String identity, CausalLm model, Tokenizer tokenizer) {
    this.id = "generative-" + JudgePrompt.VERSION + ":" + identity;
    this.encoder = new PromptEncoder(tokenizer, Map.of());
    this.forward = new SharedPrefixForward(model);
    this.longestPrompt = model.config().maxPositionEmbeddings();
    List<Integer> yes = new ArrayList<>();
    List<Integer> no = new ArrayList<>();
    int vocabulary = Math.min(tokenizer.vocabSize(), model.config().vocabSize());
    for (int token = 0; token < vocabulary; token++) {
      String word = tokenizer.decode(new int[] {token}, true).strip().toLowerCase(Locale.ROOT);
      if (word.equals("yes")) {
        yes.add(token);
      } else if (word.equals("no")) {
        no.add(token);
      }
    }
    if (yes.isEmpty() || no.isEmpty()) {
      throw new InputException(
          "judge %s: its vocabulary has no single token for %s; give another model"
              .formatted(identity, yes.isEmpty() ? "yes" : "no"));
    }
    this.yesWords = yes.size();
    yes.addAll(no);
    this.words = yes.stream().mapToInt(Integer::intValue).toArray();
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public List<Verdict> ask(List<JudgeQuestion> questions) {
    Map<List<Object>, List<Integer>> groups = new LinkedHashMap<>();
    for (int i = 0; i < questions.size(); i++) {
      JudgeQuestion question = questions.get(i);
      groups
          .computeIfAbsent(List.of(question.aspect(), question.teacher()), k -> new ArrayList<>())
          .add(i);
    }
    // Teachers with a single question share what all questions of an aspect begin with.
    Map<Aspect, List<Integer>> single = new LinkedHashMap<>();
    Verdict[] verdicts = new Verdict[questions.size()];
    for (List<Integer> group : groups.values()) {
      if (group.size() == 1) {
        Aspect aspect = questions.get(group.get(0)).aspect();
        single.computeIfAbsent(aspect, k -> new ArrayList<>()).add(group.get(0));
      } else {
        judge(questions, group, verdicts);
      }
    }
    single.values().forEach(group -> judge(questions, group, verdicts));
    return Arrays.asList(verdicts);
  }

  private void judge(List<JudgeQuestion> questions, List<Integer> group, Verdict[] verdicts) {
    List<int[]> prompts = new ArrayList<>();
    List<Integer> asked = new ArrayList<>();
    for (int i : group) {
      String text = JudgePrompt.of(questions.get(i));
      int[] prompt = encoder.encode(List.of(new ChatMessage("user", text))).tokens();
      if (prompt.length > longestPrompt) {
        verdicts[i] =
            Verdict.failed(
                "a question of %d tokens, the judge takes at most %d"
                    .formatted(prompt.length, longestPrompt));
      } else {
        prompts.add(prompt);
        asked.add(i);
      }
    }
    float[][] logits = prompts.isEmpty() ? new float[0][] : forward.logits(prompts, words);
    for (int i = 0; i < asked.size(); i++) {
      verdicts[asked.get(i)] = verdict(logits[i]);
    }
  }

  private Verdict verdict(float[] logits) {
    double largest = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      largest = Math.max(largest, logit);
    }
    double yes = 0;
    double no = 0;
    for (int word = 0; word < logits.length; word++) {
      double weight = Math.exp(logits[word] - largest);
      yes += word < yesWords ? weight : 0;
      no += word < yesWords ? 0 : weight;
    }
    double probability = yes / (yes + no);
    return Double.isNaN(probability)
        ? Verdict.failed("the judge's scores are not finite")
        : Verdict.of(probability);
  }
}

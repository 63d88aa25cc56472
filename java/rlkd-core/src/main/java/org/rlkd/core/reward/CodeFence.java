package org.rlkd.core.reward;

/** A Markdown code block, as open-r1's extract_code finds it. */
public final class CodeFence {
  private static final String FENCE = "```";

  private CodeFence() {}

  /**
   * The content of the last closed {@code ```language} block with its line breaks, or an empty
   * text.
   */
  public static String last(String completion, String language) {
    String open = FENCE + language + "\n";
    String code = "";
    int at = completion.indexOf(open);
    while (at >= 0) {
      int close = completion.indexOf(FENCE, at + open.length());
      if (close < 0) {
        break;
      }
      code = completion.substring(at + open.length(), close);
      at = completion.indexOf(open, close + FENCE.length());
    }
    return code;
  }
}

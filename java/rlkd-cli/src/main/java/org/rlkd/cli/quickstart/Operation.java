package org.rlkd.cli.quickstart;

/** The arithmetic that joins two operands of a {@link Formula}. */
public enum Operation {
  PLUS("plus") {
    @Override
    public int apply(int left, int right) {
      return left + right;
    }
  },
  MINUS("minus") {
    @Override
    public int apply(int left, int right) {
      return left - right;
    }
  };

  private final String word;

  Operation(String word) {
    this.word = word;
  }

  /** The word for this operation in reasoning text and queries. */
  public String word() {
    return word;
  }

  /** The integer result, not clipped to any range. */
  public abstract int apply(int left, int right);
}

package org.rlkd.core.gsrm;

/** What a {@link Decomposer} made of one reasoning: its steps, or the reason why there are none. */
public sealed interface Decomposition {
  /**
   * The reasoning's steps. A structure without steps is a valid result: the text contains no
   * reasoning step.
   *
   * @param output the tagged text that the steps were read from; what {@code compatibility:
   *     reference} pairs, by its own rules
   */
  record Parsed(Structure structure, String output) implements Decomposition {
    /** Steps that did not come from a tagged text. */
    public Parsed(Structure structure) {
      this(structure, StructureRenderer.render(structure));
    }
  }

  /**
   * The decomposer's output did not parse, or it did not run: the reasoning is unscorable.
   *
   * @param lasting the same reasoning fails again; false for a failure of the network or of a
   *     server, which another run may not meet
   */
  record Failed(String reason, boolean lasting) implements Decomposition {
    /** A lasting failure. */
    public Failed(String reason) {
      this(reason, true);
    }
  }
}

package org.rlkd.engine.gsrm;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.rlkd.core.gsrm.Decomposition;
import org.rlkd.core.gsrm.Reasoning;
import org.rlkd.core.gsrm.Step;

/**
 * The decompositions asked for last, within a number of bytes: texts can be a sentence or a book,
 * so a number of texts would bound nothing. Not thread-safe.
 */
final class RecentDecompositions {
  /** Of an entry besides the characters of its texts: map, records, lists, strings. */
  private static final int ENTRY_BYTES = 320;

  /** Of a step besides its characters: a record and three strings. */
  private static final int STEP_BYTES = 160;

  private final long capacity;
  private final Map<Reasoning, Decomposition> byUse = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;

  /**
   * @param capacity bytes; a decomposition that alone takes more isn't kept
   */
  RecentDecompositions(long capacity) {
    this.capacity = capacity;
  }

  /** The decomposition of a reasoning, now the last one asked for; null if it isn't here. */
  Decomposition get(Reasoning reasoning) {
    return byUse.get(reasoning);
  }

  /** Keeps a decomposition; those that nobody has asked for the longest go. */
  void put(Reasoning reasoning, Decomposition decomposition) {
    long more = bytes(reasoning, decomposition);
    if (more > capacity) {
      return;
    }
    Decomposition before = byUse.put(reasoning, decomposition);
    bytes += more;
    if (before != null) {
      bytes -= bytes(reasoning, before);
    }
    Iterator<Map.Entry<Reasoning, Decomposition>> eldest = byUse.entrySet().iterator();
    while (bytes > capacity) {
      Map.Entry<Reasoning, Decomposition> entry = eldest.next();
      bytes -= bytes(entry.getKey(), entry.getValue());
      eldest.remove();
    }
  }

  /** Bytes of what is kept, counted as if every string held UTF-16. */
  long bytes() {
    return bytes;
  }

  private static long bytes(Reasoning reasoning, Decomposition decomposition) {
    long characters = reasoning.problem().length() + (long) reasoning.text().length();
    long bytes = ENTRY_BYTES;
    if (decomposition instanceof Decomposition.Parsed parsed) {
      characters += parsed.output().length();
      for (Step step : parsed.structure().steps()) {
        characters +=
            step.metaReasoning().length() + (long) step.query().length() + step.answer().length();
        bytes += STEP_BYTES;
      }
    } else if (decomposition instanceof Decomposition.Failed failed) {
      characters += failed.reason().length();
    }
    return bytes + Character.BYTES * characters;
  }
}

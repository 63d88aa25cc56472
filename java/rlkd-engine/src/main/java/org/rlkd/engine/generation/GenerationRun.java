package org.rlkd.engine.generation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.engine.tensor.Device;

/**
 * One call of {@link Generator#generate}: continuous batching. A group starts when a sequence slot
 * and the blocks for its prompt and one completion are free; its prompt is run once and the first
 * token of all its completions sampled from the result. Completions then join the batch as slots
 * and blocks allow, in the order of the requests, and leave it when they end.
 *
 * <pre>
 * waiting groups -> (prefill) -> ready sequences -> (blocks) -> running batch -> finished
 * </pre>
 */
final class GenerationRun {
  /** Most prompt tokens of one forward pass, unless a single prompt is longer: bounds memory. */
  private static final int PREFILL_TOKENS = 2048;

  private final List<PromptGroup> groups;
  private final Deque<PromptGroup> waiting;
  private final Deque<Sequence> ready = new ArrayDeque<>();
  private final List<Sequence> running = new ArrayList<>();
  private final int maxConcurrentSequences;
  private final BlockPool pool;
  private final KvCache cache;
  private final Device device;
  private final PagedForward forward;
  private final TokenSampler sampler;
  private final int totalCompletions;
  private int finishedCompletions;
  private long generatedTokens;

  GenerationRun(
      List<PromptGroup> groups,
      int maxConcurrentSequences,
      BlockPool pool,
      KvCache cache,
      Device device,
      PagedForward forward,
      TokenSampler sampler) {
    this.groups = groups;
    this.waiting = new ArrayDeque<>(groups);
    this.maxConcurrentSequences = maxConcurrentSequences;
    this.pool = pool;
    this.cache = cache;
    this.device = device;
    this.forward = forward;
    this.sampler = sampler;
    this.totalCompletions = groups.stream().mapToInt(group -> group.sequences().size()).sum();
  }

  /** Runs to the end or until the listener cancels. */
  void run(GenerationListener listener) {
    while (finishedCompletions < totalCompletions) {
      try (PointerScope scope = new PointerScope()) {
        admit();
        if (!running.isEmpty()) {
          sampleNext(forward.decode(running), running);
          retire(running);
        }
      }
      if (!listener.onStep(progress())) {
        cancel();
        return;
      }
    }
  }

  /** Completions by request and index. */
  List<List<Completion>> completions() {
    return groups.stream()
        .map(group -> group.sequences().stream().map(Sequence::completion).toList())
        .toList();
  }

  private GenerationProgress progress() {
    return new GenerationProgress(
        finishedCompletions, totalCompletions, generatedTokens, running.size());
  }

  private void admit() {
    List<PromptGroup> started = new ArrayList<>();
    List<Sequence> entering = new ArrayList<>();
    while (running.size() + entering.size() < maxConcurrentSequences) {
      if (ready.isEmpty()) {
        if (waiting.isEmpty() || waiting.peek().leastBlockCount() > pool.available()) {
          break;
        }
        PromptGroup group = waiting.remove();
        group.takeBlocks(pool);
        ready.addAll(group.sequences());
        started.add(group);
      }
      if (ready.peek().tailBlockCount() > pool.available()) {
        break;
      }
      Sequence sequence = ready.remove();
      sequence.takeBlocks(pool);
      entering.add(sequence);
    }
    prefill(started);
    copyPartsOfPrompts(entering);
    running.addAll(entering);
    retire(running);
    retire(ready);
  }

  /** Runs the prompts and samples the first token of all their completions. */
  private void prefill(List<PromptGroup> started) {
    for (int begin = 0; begin < started.size(); ) {
      int end = begin;
      int tokens = 0;
      do {
        tokens += started.get(end++).promptLength();
      } while (end < started.size() && tokens + started.get(end).promptLength() <= PREFILL_TOKENS);
      List<PromptGroup> batch = started.subList(begin, end);
      try (PointerScope scope = new PointerScope()) {
        Tensor logits = forward.prefill(batch);
        for (int g = 0; g < batch.size(); g++) {
          List<Sequence> rows = batch.get(g).sequences();
          // The same row for each completion, by a stride of 0.
          sampleNext(logits.narrow(0, g, 1).expand(rows.size(), logits.size(1)), rows);
        }
      }
      begin = end;
    }
  }

  private void copyPartsOfPrompts(List<Sequence> entering) {
    List<Long> from = new ArrayList<>();
    List<Long> to = new ArrayList<>();
    for (Sequence sequence : entering) {
      if (!sequence.isFinished() && sequence.copiesPartOfPrompt()) {
        PromptGroup group = sequence.group();
        from.add((long) group.block(group.promptBlockCount() - 1));
        to.add((long) sequence.firstTailBlock());
      }
    }
    if (!from.isEmpty()) {
      cache.copyBlocks(longs(from), longs(to));
    }
  }

  private void sampleNext(Tensor logits, List<Sequence> rows) {
    sampler.sample(logits, rows);
    generatedTokens +=
        rows.stream().filter(row -> row.finishReason() != FinishReason.NON_FINITE_LOGITS).count();
  }

  /** Takes ended sequences out and gives their blocks back. */
  private void retire(Iterable<Sequence> sequences) {
    for (var each = sequences.iterator(); each.hasNext(); ) {
      Sequence sequence = each.next();
      if (sequence.isFinished()) {
        each.remove();
        sequence.giveBlocks(pool);
        sequence.group().giveBlocksIfFinished(pool);
        finishedCompletions++;
      }
    }
  }

  private void cancel() {
    for (PromptGroup group : groups) {
      for (Sequence sequence : group.sequences()) {
        if (!sequence.isFinished()) {
          sequence.finish(FinishReason.CANCELLED);
        }
      }
    }
  }

  private Tensor longs(List<Long> values) {
    return device.longs(values.stream().mapToLong(Long::longValue).toArray(), values.size());
  }
}

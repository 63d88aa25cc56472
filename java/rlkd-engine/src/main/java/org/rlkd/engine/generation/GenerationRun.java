package org.rlkd.engine.generation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.bindings.rlkd_tensor;
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
final class GenerationRun implements GenerationProgress {
  private final List<PromptGroup> groups;
  private final Deque<PromptGroup> waiting;
  private final Deque<Sequence> ready = new ArrayDeque<>();
  private final List<Sequence> running = new ArrayList<>();
  private final int maxConcurrentSequences;
  private final BlockPool pool;
  private final KvCache cache;
  private final Device device;
  private final ModelForward forward;
  private final TokenSampler sampler;
  private final ModelForward.LogitsSink decoded;
  private final GenerationListener listener;
  private final int totalCompletions;
  private int finishedCompletions;
  private long generatedTokens;

  GenerationRun(
      List<PromptGroup> groups,
      int maxConcurrentSequences,
      BlockPool pool,
      KvCache cache,
      Device device,
      ModelForward forward,
      TokenSampler sampler,
      GenerationListener listener) {
    this.groups = groups;
    this.waiting = new ArrayDeque<>(groups);
    this.maxConcurrentSequences = maxConcurrentSequences;
    this.pool = pool;
    this.cache = cache;
    this.device = device;
    this.forward = forward;
    this.sampler = sampler;
    this.listener = listener;
    this.decoded = (from, to, logits) -> sampleNext(logits, running, from, to);
    this.totalCompletions = groups.stream().mapToInt(group -> group.sequences().size()).sum();
  }

  /** Runs to the end or until the listener cancels. */
  void run() {
    while (finishedCompletions < totalCompletions) {
      if (!ready.isEmpty() || !waiting.isEmpty()) {
        admit();
      }
      if (!running.isEmpty()) {
        forward.decode(running, decoded);
        retireRunning();
      }
      if (!listener.onStep(this)) {
        cancel();
        return;
      }
    }
  }

  /** Completions by request and index. */
  List<List<Completion>> completions() {
    return groups.stream().map(PromptGroup::completions).toList();
  }

  @Override
  public int finishedCompletions() {
    return finishedCompletions;
  }

  @Override
  public int totalCompletions() {
    return totalCompletions;
  }

  @Override
  public long generatedTokens() {
    return generatedTokens;
  }

  @Override
  public int runningSequences() {
    return running.size();
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
    // The first token of all completions of a prompt is sampled from what the prompt gives.
    forward.prefill(
        started,
        (group, logits) -> {
          List<Sequence> rows = group.sequences();
          sampleNext(logits, rows, 0, rows.size());
        });
    copyPartsOfPrompts(entering);
    running.addAll(entering);
    retireRunning();
    for (var each = ready.iterator(); each.hasNext(); ) {
      Sequence sequence = each.next();
      if (sequence.isFinished()) {
        each.remove();
        retire(sequence);
      }
    }
  }

  private void copyPartsOfPrompts(List<Sequence> entering) {
    List<Sequence> copying =
        entering.stream()
            .filter(sequence -> !sequence.isFinished() && sequence.copiesPartOfPrompt())
            .toList();
    if (copying.isEmpty()) {
      return;
    }
    try (PointerScope scope = new PointerScope()) {
      cache.copyBlocks(
          longs(copying.stream().mapToLong(sequence -> sequence.group().lastBlock())),
          longs(copying.stream().mapToLong(Sequence::firstTailBlock)));
    }
  }

  private void sampleNext(rlkd_tensor logits, List<Sequence> rows, int from, int to) {
    sampler.sample(logits, rows, from, to);
    for (int r = from; r < to; r++) {
      if (rows.get(r).finishReason() != FinishReason.NON_FINITE_LOGITS) {
        generatedTokens++;
      }
    }
  }

  /** Takes ended sequences out of the batch; the others keep their order. */
  private void retireRunning() {
    for (int r = running.size() - 1; r >= 0; r--) {
      if (running.get(r).isFinished()) {
        retire(running.remove(r));
      }
    }
  }

  private void retire(Sequence sequence) {
    sequence.giveBlocks(pool);
    PromptGroup group = sequence.group();
    group.retireOne(pool);
    finishedCompletions++;
    if (group.isFinished()) {
      listener.onGroup(groups.indexOf(group), group.completions());
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

  private Tensor longs(LongStream values) {
    long[] array = values.toArray();
    return device.longs(array, array.length);
  }
}

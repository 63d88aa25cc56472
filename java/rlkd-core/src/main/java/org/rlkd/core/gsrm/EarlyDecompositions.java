package org.rlkd.core.gsrm;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Decompositions that a {@link Decomposer#remote} decomposer begins before they are asked for, on a
 * thread of their own that ends when it has had nothing to do for a while.
 *
 * <p>One thread owns this and its decomposer: between {@link #begin} and {@link #take} it must not
 * call the decomposer.
 */
public final class EarlyDecompositions {
  private static final long IDLE_SECONDS = 5;

  private final Decomposer decomposer;
  private final ThreadPoolExecutor thread;
  private final Map<Reasoning, CompletableFuture<Decomposition>> begun = new HashMap<>();

  public EarlyDecompositions(Decomposer decomposer) {
    this.decomposer = decomposer;
    this.thread =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread made = new Thread(task, "rlkd-decomposer");
              made.setDaemon(true);
              return made;
            });
    thread.allowCoreThreadTimeOut(true);
  }

  /** Begins those that have not been begun, as one batch; returns at once. */
  public void begin(Collection<Reasoning> reasonings) {
    List<Reasoning> batch =
        reasonings.stream().distinct().filter(reasoning -> !begun.containsKey(reasoning)).toList();
    if (batch.isEmpty()) {
      return;
    }
    CompletableFuture<List<Decomposition>> made =
        CompletableFuture.supplyAsync(() -> decomposer.decompose(batch), thread);
    for (int i = 0; i < batch.size(); i++) {
      int index = i;
      begun.put(batch.get(i), made.thenApply(results -> results.get(index)));
    }
  }

  /**
   * Waits until the decomposer is free, and forgets what was begun.
   *
   * @return what was begun of those wanted
   * @throws RuntimeException that of the decomposer, if it failed on one that is wanted
   */
  public Map<Reasoning, Decomposition> take(Set<Reasoning> wanted) {
    CompletableFuture.allOf(begun.values().toArray(CompletableFuture[]::new))
        .exceptionally(failure -> null)
        .join();
    Map<Reasoning, Decomposition> taken = new HashMap<>();
    try {
      for (Reasoning reasoning : wanted) {
        CompletableFuture<Decomposition> result = begun.get(reasoning);
        if (result != null) {
          taken.put(reasoning, result.join());
        }
      }
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    } finally {
      begun.clear();
    }
    return taken;
  }
}

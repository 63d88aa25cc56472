package org.rlkd.engine.gsrm;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.rlkd.core.InputException;
import org.rlkd.core.config.JudgePrecision;
import org.rlkd.engine.tokenizer.DjlRuntime;

/**
 * Sentence embeddings by all-MiniLM-L6-v2 on ONNX Runtime; model and tokenizer come with the
 * program, nothing is downloaded.
 *
 * <p>An embedding is the mean of the last hidden states over the tokens, scaled to length 1, as
 * sentence-transformers computes it; of longer texts the first {@value #LONGEST} tokens count, the
 * model's {@code max_seq_length}.
 *
 * <p>Equal texts are run once, texts of like length together, as many batches at a time as there
 * are threads, each on one of them: nothing waits at the end of every operation. In float32 an
 * embedding has the same bits whatever it is run with, and is remembered from call to call; in int8
 * it depends on its batch, and so on the texts of its call alone.
 */
public final class SentenceEncoder implements AutoCloseable {
  static final int LONGEST = 256;
  static final int WIDTH = 384;
  private static final String TOKENIZER = "/all-minilm-l6-v2-tokenizer.json";

  /** Most tokens of a batch, padding included: its activations stay in the second-level cache. */
  private static final int BATCH_TOKENS = 512;

  /** Padding that costs as much as a batch of its own. */
  private static final int CALL_TOKENS = 24;

  private static final int REMEMBERED = 20_000;

  private final OrtEnvironment environment;
  private final OrtSession session;
  private final String output;
  private final HuggingFaceTokenizer tokenizer;
  private final JudgePrecision precision;
  private final ExecutorService threads;

  private final Map<String, float[]> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, float[]> eldest) {
          return size() > REMEMBERED;
        }
      };

  private SentenceEncoder(
      OrtEnvironment environment,
      OrtSession session,
      HuggingFaceTokenizer tokenizer,
      JudgePrecision precision,
      int threads) {
    this.environment = environment;
    this.session = session;
    this.output = session.getOutputNames().iterator().next();
    this.tokenizer = tokenizer;
    this.precision = precision;
    this.threads =
        Executors.newFixedThreadPool(
            threads,
            work -> {
              Thread thread = new Thread(work, "rlkd-sentence-encoder");
              thread.setDaemon(true);
              return thread;
            });
  }

  /**
   * Loads the model.
   *
   * @param threads CPU threads that work on a call of {@link #encode}
   */
  public static SentenceEncoder load(JudgePrecision precision, int threads) {
    DjlRuntime.configure();
    try (InputStream vocabulary = SentenceEncoder.class.getResourceAsStream(TOKENIZER);
        InputStream model = SentenceEncoder.class.getResourceAsStream(modelResource(precision));
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(1); // the thread that runs a batch
      OrtEnvironment environment = OrtEnvironment.getEnvironment();
      HuggingFaceTokenizer tokenizer =
          HuggingFaceTokenizer.newInstance(
              vocabulary,
              Map.of(
                  "padding",
                  "false",
                  "truncation",
                  "true",
                  "maxLength",
                  Integer.toString(LONGEST)));
      return new SentenceEncoder(
          environment,
          environment.createSession(model.readAllBytes(), options),
          tokenizer,
          precision,
          threads);
    } catch (IOException | OrtException e) {
      throw new InputException(
          "the sentence embedding model cannot be loaded: %s. 'rlkd doctor' shows what this machine lacks."
              .formatted(e),
          e);
    }
  }

  static String modelResource(JudgePrecision precision) {
    return switch (precision) {
      case FLOAT32 -> "/all-minilm-l6-v2.onnx";
      case INT8 -> "/all-minilm-l6-v2-q.onnx";
    };
  }

  /** Of the weights. */
  public JudgePrecision precision() {
    return precision;
  }

  /** Embeddings [384] of the texts in their order. */
  public List<float[]> encode(List<String> texts) {
    Map<String, float[]> embeddings = new LinkedHashMap<>();
    for (String text : new LinkedHashSet<>(texts)) {
      embeddings.put(text, remembered.get(text));
    }
    List<String> open =
        embeddings.keySet().stream().filter(text -> embeddings.get(text) == null).toList();
    Encoding[] encodings = tokenizer.batchEncode(open);
    Integer[] byLength = new Integer[open.size()];
    Arrays.setAll(byLength, i -> i);
    Arrays.sort(
        byLength,
        (one, other) -> encodings[one].getIds().length - encodings[other].getIds().length);
    long[][] tokens = new long[open.size()][];
    Arrays.setAll(tokens, i -> encodings[byLength[i]].getIds());
    List<Callable<float[][]>> batches = new ArrayList<>();
    for (int first = 0; first < tokens.length; ) {
      int end = first + 1;
      while (end < tokens.length && joins(end - first, tokens[end - 1], tokens[end])) {
        end++;
      }
      long[][] batch = Arrays.copyOfRange(tokens, first, end);
      batches.add(() -> run(batch));
      first = end;
    }
    int next = 0;
    for (float[][] rows : all(batches)) {
      for (float[] row : rows) {
        embeddings.put(open.get(byLength[next++]), row);
      }
    }
    if (precision == JudgePrecision.FLOAT32) {
      remembered.putAll(embeddings);
    }
    return texts.stream().map(embeddings::get).toList();
  }

  /** Whether a text goes into the batch of the {@code count} texts before it. */
  private static boolean joins(int count, long[] last, long[] next) {
    return (count + 1) * next.length <= BATCH_TOKENS
        && count * (next.length - last.length) <= CALL_TOKENS;
  }

  private List<float[][]> all(List<Callable<float[][]>> batches) {
    try {
      List<float[][]> results = new ArrayList<>();
      for (Future<float[][]> batch : threads.invokeAll(batches)) {
        results.add(batch.get());
      }
      return results;
    } catch (ExecutionException e) {
      throw new IllegalStateException("sentence embeddings", e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while sentences were embedded", e);
    }
  }

  /** Embeddings of texts that are in order of length. */
  private float[][] run(long[][] batch) throws OrtException {
    int length = batch[batch.length - 1].length;
    long[] ids = new long[batch.length * length];
    long[] mask = new long[ids.length];
    for (int row = 0; row < batch.length; row++) {
      System.arraycopy(batch[row], 0, ids, row * length, batch[row].length);
      Arrays.fill(mask, row * length, row * length + batch[row].length, 1);
    }
    long[] shape = {batch.length, length};
    try (OnnxTensor idTensor = OnnxTensor.createTensor(environment, LongBuffer.wrap(ids), shape);
        OnnxTensor maskTensor = OnnxTensor.createTensor(environment, LongBuffer.wrap(mask), shape);
        OnnxTensor typeTensor =
            OnnxTensor.createTensor(environment, LongBuffer.wrap(new long[ids.length]), shape);
        OrtSession.Result result =
            session.run(
                Map.of(
                    "input_ids",
                    idTensor,
                    "attention_mask",
                    maskTensor,
                    "token_type_ids",
                    typeTensor),
                Set.of(output))) {
      FloatBuffer states = ((OnnxTensor) result.get(0)).getFloatBuffer();
      float[][] rows = new float[batch.length][];
      for (int row = 0; row < batch.length; row++) {
        rows[row] = unitMean(states.position(row * length * WIDTH), batch[row].length);
      }
      return rows;
    }
  }

  /** Mean of the next {@code tokens} states, scaled to length 1. */
  private static float[] unitMean(FloatBuffer states, int tokens) {
    float[] mean = new float[WIDTH];
    float[] state = new float[WIDTH];
    for (int t = 0; t < tokens; t++) {
      states.get(state);
      for (int d = 0; d < WIDTH; d++) {
        mean[d] += state[d];
      }
    }
    double squares = 0;
    for (float value : mean) {
      squares += (double) value * value;
    }
    float scale = (float) (1 / Math.max(Math.sqrt(squares), 1e-12));
    for (int d = 0; d < WIDTH; d++) {
      mean[d] *= scale;
    }
    return mean;
  }

  @Override
  public void close() {
    threads.shutdown();
    tokenizer.close();
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("closing the sentence encoder", e);
    }
  }
}

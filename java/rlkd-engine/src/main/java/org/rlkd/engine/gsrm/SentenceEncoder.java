package org.rlkd.engine.gsrm;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.io.InputStream;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.rlkd.core.InputException;
import org.rlkd.engine.tokenizer.DjlRuntime;

/**
 * Sentence embeddings by all-MiniLM-L6-v2 on ONNX Runtime; model and tokenizer come with the
 * program, nothing is downloaded.
 *
 * <p>An embedding is the mean of the last hidden states over the tokens, scaled to length 1, as
 * sentence-transformers computes it; of longer texts the first {@value #LONGEST} tokens count, the
 * model's {@code max_seq_length}. Equal texts are run once, texts of like length together.
 */
public final class SentenceEncoder implements AutoCloseable {
  static final int LONGEST = 256;
  private static final String MODEL = "/all-minilm-l6-v2.onnx";
  private static final String TOKENIZER = "/all-minilm-l6-v2-tokenizer.json";

  /** Most tokens of one call, padding included: bounds memory, and larger ones are no faster. */
  private static final int BATCH_TOKENS = 2048;

  private static final int REMEMBERED = 20_000;

  private final OrtEnvironment environment;
  private final OrtSession session;
  private final HuggingFaceTokenizer tokenizer;

  private final Map<String, float[]> remembered =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, float[]> eldest) {
          return size() > REMEMBERED;
        }
      };

  private SentenceEncoder(
      OrtEnvironment environment, OrtSession session, HuggingFaceTokenizer tokenizer) {
    this.environment = environment;
    this.session = session;
    this.tokenizer = tokenizer;
  }

  /**
   * Loads the model.
   *
   * @param threads CPU threads of ONNX Runtime
   */
  public static SentenceEncoder load(int threads) {
    DjlRuntime.configure();
    try (InputStream vocabulary = SentenceEncoder.class.getResourceAsStream(TOKENIZER);
        InputStream model = SentenceEncoder.class.getResourceAsStream(MODEL);
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
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
          environment, environment.createSession(model.readAllBytes(), options), tokenizer);
    } catch (IOException | OrtException e) {
      throw new InputException(
          "the sentence embedding model cannot be loaded: %s. 'rlkd doctor' shows what this machine lacks."
              .formatted(e),
          e);
    }
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
    for (int first = 0; first < byLength.length; ) {
      int end = first + 1;
      while (end < byLength.length
          && (end + 1 - first) * encodings[byLength[end]].getIds().length <= BATCH_TOKENS) {
        end++;
      }
      Encoding[] batch = new Encoding[end - first];
      for (int i = first; i < end; i++) {
        batch[i - first] = encodings[byLength[i]];
      }
      float[][] rows = run(batch);
      for (int i = first; i < end; i++) {
        embeddings.put(open.get(byLength[i]), rows[i - first]);
      }
      first = end;
    }
    remembered.putAll(embeddings);
    return texts.stream().map(embeddings::get).toList();
  }

  private float[][] run(Encoding[] batch) {
    int length = batch[batch.length - 1].getIds().length;
    long[] ids = new long[batch.length * length];
    long[] mask = new long[ids.length];
    for (int row = 0; row < batch.length; row++) {
      long[] own = batch[row].getIds();
      System.arraycopy(own, 0, ids, row * length, own.length);
      Arrays.fill(mask, row * length, row * length + own.length, 1);
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
                    typeTensor))) {
      float[][][] states = (float[][][]) result.get(0).getValue();
      float[][] rows = new float[batch.length][];
      for (int row = 0; row < batch.length; row++) {
        rows[row] = unitMean(states[row], batch[row].getIds().length);
      }
      return rows;
    } catch (OrtException e) {
      throw new IllegalStateException("sentence embeddings", e);
    }
  }

  /** Mean of the first {@code tokens} states, scaled to length 1. */
  private static float[] unitMean(float[][] states, int tokens) {
    float[] mean = new float[states[0].length];
    for (int t = 0; t < tokens; t++) {
      for (int d = 0; d < mean.length; d++) {
        mean[d] += states[t][d];
      }
    }
    double squares = 0;
    for (float value : mean) {
      squares += (double) value * value;
    }
    float scale = (float) (1 / Math.max(Math.sqrt(squares), 1e-12));
    for (int d = 0; d < mean.length; d++) {
      mean[d] *= scale;
    }
    return mean;
  }

  @Override
  public void close() {
    tokenizer.close();
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException("closing the sentence encoder", e);
    }
  }
}

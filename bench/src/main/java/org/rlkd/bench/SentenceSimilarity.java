package org.rlkd.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rlkd.core.config.JudgePrecision;
import org.rlkd.engine.gsrm.SentenceEncoder;

/** The embedding judge's work: cosines of pairs of sentences, none of them seen before. */
final class SentenceSimilarity implements Round, AutoCloseable {
  private static final int WARM_UP = 128;

  private final JudgePrecision precision;
  private final int threads;
  private final List<String> texts = new ArrayList<>();
  private final double[] cosines;
  private SentenceEncoder encoder;

  /**
   * @param pairs a JSON array of arrays of two sentences
   */
  SentenceSimilarity(JudgePrecision precision, Path pairs, int threads) throws IOException {
    this.precision = precision;
    this.threads = threads;
    for (String[] pair : new ObjectMapper().readValue(pairs.toFile(), String[][].class)) {
      texts.add(pair[0]);
      texts.add(pair[1]);
    }
    cosines = new double[texts.size() / 2];
  }

  /**
   * A new encoder, since the one before remembers its embeddings; with other texts run once, as the
   * peers' sessions have run before the clock starts.
   */
  @Override
  public void prepare() {
    close();
    encoder = SentenceEncoder.load(precision, threads);
    encoder.encode(texts.stream().limit(WARM_UP).map(text -> text + " again").toList());
  }

  @Override
  public long run() {
    List<float[]> embeddings = encoder.encode(texts);
    for (int i = 0; i < cosines.length; i++) {
      float[] one = embeddings.get(2 * i);
      float[] other = embeddings.get(2 * i + 1);
      double product = 0;
      for (int d = 0; d < one.length; d++) {
        product += (double) one[d] * other[d];
      }
      cosines[i] = product;
    }
    return cosines.length;
  }

  @Override
  public double[] results() {
    return cosines;
  }

  @Override
  public void close() {
    if (encoder != null) {
      encoder.close();
    }
  }
}

package org.rlkd.engine.gsrm;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Map;
import org.rlkd.core.config.JudgePrecision;
import org.rlkd.engine.tokenizer.DjlRuntime;

/**
 * all-MiniLM-L6-v2 without anything that makes it fast: one text a run, no operation of the graph
 * fused or rewritten, the mean of the states in double precision.
 */
final class PlainEncoder implements AutoCloseable {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final HuggingFaceTokenizer tokenizer;

  PlainEncoder() throws Exception {
    DjlRuntime.configure();
    try (InputStream model =
            getClass().getResourceAsStream(SentenceEncoder.modelResource(JudgePrecision.FLOAT32));
        InputStream vocabulary =
            getClass().getResourceAsStream("/all-minilm-l6-v2-tokenizer.json");
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
      options.setIntraOpNumThreads(1);
      session = environment.createSession(model.readAllBytes(), options);
      tokenizer =
          HuggingFaceTokenizer.newInstance(
              vocabulary, Map.of("padding", "false", "truncation", "true", "maxLength", "256"));
    }
  }

  double[] encode(String text) throws Exception {
    long[] ids = tokenizer.encode(text).getIds();
    long[] ones = new long[ids.length];
    Arrays.fill(ones, 1);
    try (OnnxTensor input = OnnxTensor.createTensor(environment, new long[][] {ids});
        OnnxTensor mask = OnnxTensor.createTensor(environment, new long[][] {ones});
        OnnxTensor types =
            OnnxTensor.createTensor(environment, new long[][] {new long[ids.length]});
        OrtSession.Result result =
            session.run(
                Map.of("input_ids", input, "attention_mask", mask, "token_type_ids", types))) {
      float[][] states = ((float[][][]) result.get(0).getValue())[0];
      double[] mean = new double[states[0].length];
      for (float[] state : states) {
        for (int d = 0; d < mean.length; d++) {
          mean[d] += state[d] / states.length;
        }
      }
      double norm = Math.sqrt(Arrays.stream(mean).map(value -> value * value).sum());
      return Arrays.stream(mean).map(value -> value / norm).toArray();
    }
  }

  @Override
  public void close() throws Exception {
    tokenizer.close();
    session.close();
  }
}

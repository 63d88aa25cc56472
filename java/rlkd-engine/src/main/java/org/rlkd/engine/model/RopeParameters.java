package org.rlkd.engine.model;

/**
 * Rotary position embedding: the base of the frequencies and how they are rescaled.
 *
 * @param theta base; frequency i of a head of width D is theta^(-2i/D)
 * @param scaling null for rope type "default"
 */
public record RopeParameters(double theta, Llama3 scaling) {

  /**
   * Rope type "llama3" (transformers, {@code _compute_llama3_parameters}): wavelengths above {@code
   * originalMaxPositionEmbeddings / lowFreqFactor} are stretched by {@code factor}, those below
   * {@code originalMaxPositionEmbeddings / highFreqFactor} stay, those between are interpolated.
   */
  public record Llama3(
      double factor,
      double lowFreqFactor,
      double highFreqFactor,
      long originalMaxPositionEmbeddings) {}

  /**
   * The angle of one position step for each pair of dimensions.
   *
   * @return float32 values [headDim / 2], computed in float32 as transformers does
   */
  float[] inverseFrequencies(int headDim) {
    float[] frequencies = new float[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      float exponent = (2f * i) / headDim;
      float frequency = 1f / (float) Math.pow(theta, exponent);
      frequencies[i] = scaling == null ? frequency : scaled(frequency);
    }
    return frequencies;
  }

  private float scaled(float frequency) {
    double context = scaling.originalMaxPositionEmbeddings;
    double lowFrequencyWavelength = context / scaling.lowFreqFactor;
    double highFrequencyWavelength = context / scaling.highFreqFactor;
    float wavelength = (float) (2 * Math.PI / frequency);
    if (wavelength < highFrequencyWavelength) {
      return frequency;
    }
    if (wavelength > lowFrequencyWavelength) {
      return (float) (frequency / scaling.factor);
    }
    double smooth =
        (context / wavelength - scaling.lowFreqFactor)
            / (scaling.highFreqFactor - scaling.lowFreqFactor);
    return (float) ((1 - smooth) * frequency / scaling.factor + smooth * frequency);
  }
}

package org.rlkd.engine.generation;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.rlkd.bindings.NativeLibrary;
import org.rlkd.bindings.global.rlkd;
import org.rlkd.bindings.rlkd_context;
import org.rlkd.bindings.rlkd_tensor;
import org.rlkd.engine.model.Linear;
import org.rlkd.engine.model.LowRankUpdate;
import org.rlkd.engine.tensor.HostRows;
import org.rlkd.engine.tensor.TensorView;

/**
 * Projections of one input on the CPU, with the low-rank updates that count while this is made: one
 * native call, and two for each update.
 *
 * <p>The projections' weights are read in place; of an update, B is copied with its scale. Belongs
 * to the PointerScope that is open while it is made.
 */
final class HostProjections {
  private final rlkd_context context;
  private final HostRows input;
  private final rlkd_tensor weights;
  private final rlkd_tensor biases;
  private final rlkd_tensor outputs;
  private final int count;
  private final int accumulate;
  private final List<Update> updates = new ArrayList<>();

  /** output += (input A^T) B^T. */
  private record Update(
      rlkd_tensor a, rlkd_tensor b, HostRows low, rlkd_tensor lowView, rlkd_tensor output) {}

  /**
   * @param outputs one for each projection, with as many rows as {@code input}
   * @param accumulate whether the products are added to what the outputs hold
   */
  HostProjections(
      rlkd_context context,
      List<Linear> projections,
      HostRows input,
      List<HostRows> outputs,
      boolean accumulate) {
    this.context = context;
    this.input = input;
    this.count = projections.size();
    this.weights = TensorView.arrayOf(projections.stream().map(Linear::weight).toList());
    boolean biased = projections.get(0).bias() != null;
    this.biases =
        biased ? TensorView.arrayOf(projections.stream().map(Linear::bias).toList()) : null;
    this.outputs = HostRows.arrayOf(outputs.toArray(HostRows[]::new));
    this.accumulate = accumulate ? 1 : 0;
    for (int i = 0; i < count; i++) {
      LowRankUpdate update = projections.get(i).update();
      if (update != null) {
        HostRows low = HostRows.floats(input.tensor().size(0), update.a().size(0));
        updates.add(
            new Update(
                TensorView.of(update.a()),
                TensorView.of(update.b().mul(new Scalar(update.scale()))),
                low,
                low.view(),
                outputs.get(i).view()));
      }
    }
  }

  /** Projects the rows to which input and outputs are cut. */
  void run(long rows) {
    NativeLibrary.check(
        rlkd.rlkd_linear(context, input.view(), weights, biases, outputs, count, accumulate));
    for (int i = 0; i < updates.size(); i++) {
      Update update = updates.get(i);
      update.low().first(rows);
      NativeLibrary.check(
          rlkd.rlkd_linear(context, input.view(), update.a(), null, update.lowView(), 1, 0));
      NativeLibrary.check(
          rlkd.rlkd_linear(context, update.lowView(), update.b(), null, update.output(), 1, 1));
    }
  }
}

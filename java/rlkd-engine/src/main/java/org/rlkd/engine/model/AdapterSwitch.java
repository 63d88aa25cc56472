package org.rlkd.engine.model;

/** Whether the low-rank updates of a model count, and whether their inputs are dropped out. */
final class AdapterSwitch {
  private boolean on = true;
  private boolean training;

  boolean on() {
    return on;
  }

  boolean training() {
    return training;
  }

  void setOn(boolean on) {
    this.on = on;
  }

  void setTraining(boolean training) {
    this.training = training;
  }
}

package org.rlkd.bindings;

/** A call of librlkd that did not succeed. The message is that of {@code rlkd_last_error()}. */
public final class NativeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;

  NativeException(int status, String message) {
    super(message);
    this.status = status;
  }

  /** The {@code rlkd_status} of the call, for example {@code RLKD_INVALID_ARGUMENT}. */
  public int status() {
    return status;
  }
}

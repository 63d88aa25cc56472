package org.rlkd.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SIGTERM and Ctrl-C while a run goes on: the first asks it to stop at the end of its present step,
 * a second one ends the process at once. Closing gives the signals their former effect.
 *
 * <p>{@code sun.misc.Signal}, the JDK's only way to handle a signal without shutting down, is
 * reached by reflection since the compiler warns of its name. Where it is missing or the signal is
 * taken, the signal keeps its usual effect.
 */
final class StopSignals implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StopSignals.class);

  /** The shell's convention: 128 and the number of the signal. */
  private static final int KILLED = 128;

  private static final List<String> NAMES = List.of("TERM", "INT");

  private record Former(Method handle, Object signal, Object handler) {}

  private final List<Former> formers = new ArrayList<>();
  private volatile boolean requested;

  /** Handles both signals from now on. */
  static StopSignals install() {
    StopSignals signals = new StopSignals();
    NAMES.forEach(signals::handle);
    return signals;
  }

  /** Whether the run is to stop. */
  boolean requested() {
    return requested;
  }

  private void handle(String name) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object instance = signal.getConstructor(String.class).newInstance(name);
      int number = (int) signal.getMethod("getNumber").invoke(instance);
      InvocationHandler received =
          (proxy, method, arguments) ->
              switch (method.getName()) {
                case "handle" -> {
                  received(name, number);
                  yield null;
                }
                case "equals" -> proxy == arguments[0];
                case "hashCode" -> System.identityHashCode(proxy);
                default -> "StopSignals";
              };
      Object ours =
          Proxy.newProxyInstance(
              StopSignals.class.getClassLoader(), new Class<?>[] {handler}, received);
      Method handle = signal.getMethod("handle", signal, handler);
      formers.add(new Former(handle, instance, handle.invoke(null, instance, ours)));
    } catch (ReflectiveOperationException e) {
      LOG.debug("SIG{} keeps its usual effect: {}", name, e.toString());
    }
  }

  private void received(String name, int number) {
    if (requested) {
      Runtime.getRuntime().halt(KILLED + number);
    }
    requested = true;
    System.err.printf(
        "rlkd: SIG%s: stopping after this step with a checkpoint, --resume continues; a second"
            + " signal ends at once%n",
        name);
  }

  @Override
  public void close() {
    for (Former former : formers) {
      try {
        former.handle.invoke(null, former.signal, former.handler);
      } catch (ReflectiveOperationException e) {
        LOG.debug("a signal's former handler cannot be restored: {}", e.toString());
      }
    }
  }
}

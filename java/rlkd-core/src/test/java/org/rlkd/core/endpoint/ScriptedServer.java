package org.rlkd.core.endpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An HTTP server on loopback, written on plain sockets so that it can do what no server should:
 * each request gets the behaviour that its number or body asks for.
 */
public final class ScriptedServer implements AutoCloseable {
  private static final Pattern LENGTH =
      Pattern.compile("content-length: *(\\d+)", Pattern.CASE_INSENSITIVE);

  /** A request as it came in: its head and its body. */
  public record Request(int number, String head, String body) {}

  /** What the server does with a connection after a request. */
  @FunctionalInterface
  public interface Behaviour {
    void on(Socket connection) throws IOException;
  }

  private final ServerSocket server;
  private final Function<Request, Behaviour> script;
  private final List<Request> requests = Collections.synchronizedList(new ArrayList<>());
  private final List<Socket> open = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger underWay = new AtomicInteger();
  private final AtomicInteger mostUnderWay = new AtomicInteger();

  public ScriptedServer(Function<Request, Behaviour> script) {
    this.script = script;
    try {
      server = new ServerSocket(0, 200, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    daemon(this::accept);
  }

  /** Answers a chat completion. */
  public static Behaviour says(String content) {
    return status(
        200,
        "",
        "{\"choices\": [{\"message\": {\"role\": \"assistant\", \"content\": \"%s\"}, \"finish_reason\": \"stop\"}]}"
            .formatted(content));
  }

  public static Behaviour status(int status, String headers, String body) {
    return connection -> write(connection, status, headers, body, body.length());
  }

  /** Announces more than it sends. */
  public static Behaviour halfOf(String body) {
    return connection -> write(connection, 200, "", body, 2 * body.length());
  }

  /** Keeps the connection open and says nothing. */
  public static Behaviour hangs() {
    return connection -> sleep(60_000);
  }

  /** Sends the head and a byte now and then, for ever. */
  public static Behaviour drips() {
    return connection -> {
      write(connection, 200, "", "{", 1_000_000);
      for (int i = 0; i < 600; i++) {
        sleep(100);
        connection.getOutputStream().write(' ');
        connection.getOutputStream().flush();
      }
    };
  }

  /** Ends the connection with a reset. */
  public static Behaviour resets() {
    return connection -> connection.setSoLinger(true, 0);
  }

  private static void write(
      Socket connection, int status, String headers, String body, int announced)
      throws IOException {
    String head =
        "HTTP/1.1 %d Scripted\r\nContent-Length: %d\r\nContent-Type: application/json\r\nConnection: close\r\n%s\r\n"
            .formatted(status, announced, headers);
    connection.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
    connection.getOutputStream().flush();
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  public URI baseUrl() {
    return URI.create("http://127.0.0.1:" + server.getLocalPort() + "/v1");
  }

  public List<Request> requests() {
    return List.copyOf(requests);
  }

  /** Most requests that were answered at the same time. */
  int mostUnderWay() {
    return mostUnderWay.get();
  }

  private void accept() {
    try {
      while (true) {
        Socket connection = server.accept();
        open.add(connection);
        daemon(() -> serve(connection));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private void serve(Socket connection) {
    try (connection) {
      String head = head(connection.getInputStream());
      Matcher length = LENGTH.matcher(head);
      byte[] body =
          connection
              .getInputStream()
              .readNBytes(length.find() ? Integer.parseInt(length.group(1)) : 0);
      Request request;
      synchronized (requests) {
        request = new Request(requests.size(), head, new String(body, StandardCharsets.UTF_8));
        requests.add(request);
      }
      mostUnderWay.accumulateAndGet(underWay.incrementAndGet(), Math::max);
      try {
        script.apply(request).on(connection);
      } finally {
        underWay.decrementAndGet();
      }
    } catch (IOException e) {
      // the client has gone
    }
  }

  private static String head(InputStream in) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("no request");
      }
      head.write(next);
    }
    return head.toString(StandardCharsets.ISO_8859_1);
  }

  private static void daemon(Runnable task) {
    Thread thread = new Thread(task, "scripted-server");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() {
    try {
      server.close();
      for (Socket connection : List.copyOf(open)) {
        connection.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}

package org.rlkd.cli.report;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.rlkd.core.InputException;

/**
 * The report of a run that goes on, on this machine's loopback interface alone: {@code /} is the
 * page, which asks {@code /data?version=V} for what has changed since.
 */
public final class ReportServer implements AutoCloseable {
  private static final int OK = 200;
  private static final int NOTHING_NEW = 204;
  private static final int FORBIDDEN = 403;
  private static final int NOT_FOUND = 404;
  private static final int FAILED = 500;

  private final Report report;
  private final HttpServer server;

  /**
   * Starts to serve.
   *
   * @param port 0 for any free one
   * @throws InputException if the port is taken
   */
  public ReportServer(Path runDirectory, int port) {
    this.report = new Report(runDirectory);
    try {
      this.server =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    } catch (IOException e) {
      throw new InputException(
          "port %d cannot be served: %s. Choose another with --port, or 0 for any."
              .formatted(port, e.getMessage()),
          e);
    }
    server.createContext("/", this::answer);
    server.start();
  }

  /** Where the page is. */
  public URI address() {
    return URI.create("http://127.0.0.1:%d/".formatted(server.getAddress().getPort()));
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      try {
        route(exchange);
      } catch (InputException e) {
        send(exchange, FAILED, "text/plain", e.getMessage());
      }
    }
  }

  private void route(HttpExchange exchange) throws IOException {
    String host = exchange.getRequestHeaders().getFirst("Host");
    String path = exchange.getRequestURI().getPath();
    if (host == null || !host.matches("(127\\.0\\.0\\.1|localhost)(:\\d+)?")) {
      send(exchange, FORBIDDEN, "text/plain", "served to this machine alone");
    } else if (path.equals("/")) {
      send(exchange, OK, "text/html", report.livePage());
    } else if (path.equals("/data")) {
      String data = report.dataSince(exchange.getRequestURI().getQuery());
      if (data == null) {
        exchange.sendResponseHeaders(NOTHING_NEW, -1);
      } else {
        send(exchange, OK, "application/json", data);
      }
    } else {
      send(exchange, NOT_FOUND, "text/plain", "there is / alone");
    }
  }

  private static void send(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type + "; charset=utf-8");
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}

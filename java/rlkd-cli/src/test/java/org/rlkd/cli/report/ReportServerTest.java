package org.rlkd.cli.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

class ReportServerTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CARD_INK = 0x2f5bea;

  @TempDir private Path directory;

  @BeforeEach
  void writeRun() throws IOException {
    for (int step = 1; step <= 20; step++) {
      writeStep(step);
    }
  }

  private void writeStep(int step) throws IOException {
    append(
        "metrics.jsonl",
        JSON.createObjectNode().put("step", step).put("reward", step / 20.0).put("kl", 0.1));
    for (int i = 0; i < 4; i++) {
      ObjectNode completion =
          JSON.createObjectNode()
              .put("step", step)
              .put("prompt", "what is 2 plus " + i)
              .put("completion", "step %d makes %d".formatted(step, 2 + i))
              .put("advantage", i - 1.5);
      completion.putObject("rewards").put("accuracy", step > 10 ? 1 : i / 4.0).putNull("structure");
      append("completions.jsonl", completion);
    }
  }

  private void append(String file, ObjectNode line) throws IOException {
    Files.writeString(
        directory.resolve(file), line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private static HttpResponse<String> get(URI address) throws Exception {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void the_page_gets_what_is_new_and_nothing_where_nothing_is() throws Exception {
    try (ReportServer server = new ReportServer(directory, 0)) {
      URI data = server.address().resolve("data");
      JsonNode first = JSON.readTree(get(data).body());
      assertThat(first.get("metrics")).hasSize(20);
      URI since = URI.create(data + "?version=" + first.get("version").asLong());
      assertThat(get(since).statusCode()).isEqualTo(204);
      writeStep(21);
      JsonNode second = JSON.readTree(get(since).body());
      assertThat(second.get("metrics")).hasSize(21);
      assertThat(second.at("/completions").findValuesAsText("completion"))
          .contains("step 21 makes 5", "step 1 makes 2");
      assertThat(get(server.address()).body()).contains("data-live=\"true\"");
    }
  }

  @Test
  void a_run_that_is_resumed_from_an_earlier_step_is_read_anew() throws Exception {
    try (ReportServer server = new ReportServer(directory, 0)) {
      URI data = server.address().resolve("data");
      get(data);
      Path metrics = directory.resolve("metrics.jsonl");
      List<String> lines = Files.readAllLines(metrics).subList(0, 7);
      Files.write(metrics, lines);
      assertThat(JSON.readTree(get(data).body()).get("metrics")).hasSize(7);
      assertThat(JSON.readTree(get(data).body()).at("/histograms/accuracy/last")).hasSize(20);
    }
  }

  @Test
  void of_the_completions_only_what_was_added_is_read_again() throws IOException {
    JsonlTail tail = new JsonlTail(directory.resolve("completions.jsonl"));
    assertThat(tail.read()).hasSize(80);
    writeStep(21);
    List<JsonlTail.Row> added = tail.read();
    assertThat(added).hasSize(4);
    assertThat(tail.again(added.get(3).offset(), added.get(3).length()))
        .isEqualTo(added.get(3).json());
  }

  @Test
  void the_first_and_the_last_fifth_of_the_steps_are_counted() {
    RunData run = new RunData(directory);
    run.refresh();
    JsonNode accuracy = run.json().at("/histograms/accuracy");
    assertThat(accuracy.get("first").toString())
        .isEqualTo("[4,0,0,0,0,4,0,0,0,0,4,0,0,0,0,4,0,0,0,0]");
    assertThat(accuracy.get("last").get(19).intValue()).isEqualTo(16);
    assertThat(run.json().at("/histograms/structure").isMissingNode()).isTrue();
  }

  /** A page of another site must not read the run by a name that it points to this machine. */
  @Test
  void a_request_by_another_host_name_is_refused() throws IOException {
    try (ReportServer server = new ReportServer(directory, 0);
        Socket socket = new Socket("127.0.0.1", server.address().getPort())) {
      OutputStream out = socket.getOutputStream();
      out.write(
          "GET /data HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
              .getBytes(StandardCharsets.US_ASCII));
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      socket.getInputStream().transferTo(answer);
      assertThat(answer.toString(StandardCharsets.UTF_8)).startsWith("HTTP/1.1 403");
    }
  }

  @Test
  void a_port_that_is_taken_is_named() {
    try (ReportServer server = new ReportServer(directory, 0)) {
      int port = server.address().getPort();
      assertThatThrownBy(() -> new ReportServer(directory, port))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("port " + port);
    }
  }

  @Test
  void a_browser_draws_curves_histograms_and_completions_of_both_pages() throws Exception {
    Path chromium = chromium();
    assumeTrue(chromium != null, "no chromium on the PATH");
    Path file = directory.resolve("report.html");
    new Report(directory).write(file);
    drawn(chromium, file.toUri().toString());
    try (ReportServer server = new ReportServer(directory, 0)) {
      drawn(chromium, server.address().toString());
    }
  }

  private void drawn(Path chromium, String page) throws Exception {
    Path image = directory.resolve("page.png");
    Files.deleteIfExists(image);
    Path dom = directory.resolve("dom.html");
    run(chromium, dom, "--dump-dom", page);
    assertThat(Files.readString(dom))
        .contains("<canvas", "class=\"bins\"", "step 20 makes 5", "unscorable")
        .doesNotContain("id=\"histograms\" hidden");
    run(chromium, directory.resolve("log.txt"), "--screenshot=" + image, page);
    BufferedImage pixels = ImageIO.read(image.toFile());
    Map<Integer, Integer> colours = new HashMap<>();
    for (int y = 0; y < pixels.getHeight(); y++) {
      for (int x = 0; x < pixels.getWidth(); x++) {
        colours.merge(pixels.getRGB(x, y) & 0xffffff, 1, Integer::sum);
      }
    }
    assertThat(colours.getOrDefault(CARD_INK, 0))
        .as("pixels of curves and bars")
        .isGreaterThan(500);
    assertThat(colours).as("colours").hasSizeGreaterThan(30);
  }

  private void run(Path chromium, Path output, String... more) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                chromium.toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                "--user-data-dir=" + directory.resolve("profile"),
                "--window-size=1200,2200",
                "--timeout=8000"));
    command.addAll(List.of(more));
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!process.waitFor(120, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("the browser did not end");
    }
    assertThat(process.exitValue()).isZero();
  }

  private static Path chromium() {
    return Stream.of(System.getenv("PATH").split(":"))
        .map(folder -> Path.of(folder, "chromium"))
        .filter(Files::isExecutable)
        .findFirst()
        .orElse(null);
  }
}

package org.rlkd.engine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Finds the shared golden files; a missing folder skips the test and names the folder. */
public final class GoldenFolder {

  private static final ObjectMapper JSON = new ObjectMapper();

  private GoldenFolder() {}

  public static Path shared() {
    String shared = System.getenv("RLKD_SHARED");
    return shared != null
        ? Path.of(shared)
        : Path.of(System.getProperty("rlkd.root", ".")).resolve("../shared").normalize();
  }

  /** The files of a sub-folder of RLKD_GOLDEN whose names end in the suffix, sorted. */
  public static List<Path> files(String folder, String suffix) throws IOException {
    String golden = System.getenv("RLKD_GOLDEN");
    Path path = (golden != null ? Path.of(golden) : shared().resolve("golden")).resolve(folder);
    assumeTrue(Files.isDirectory(path), "golden folder is missing: " + path);
    try (Stream<Path> list = Files.list(path)) {
      List<Path> files =
          list.filter(file -> file.getFileName().toString().endsWith(suffix)).sorted().toList();
      assumeTrue(!files.isEmpty(), "no *" + suffix + " in golden folder " + path);
      return files;
    }
  }

  /** The directory of the tokenizer that a golden file names. */
  public static Path tokenizer(String name) {
    Path path = shared().resolve("tokenizers").resolve(name);
    assumeTrue(Files.isDirectory(path), "tokenizer folder is missing: " + path);
    return path;
  }

  public static List<JsonNode> lines(Path file) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      if (!line.isBlank()) {
        rows.add(JSON.readTree(line));
      }
    }
    return rows;
  }

  public static int[] ids(JsonNode array) {
    int[] ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = array.get(i).intValue();
    }
    return ids;
  }
}

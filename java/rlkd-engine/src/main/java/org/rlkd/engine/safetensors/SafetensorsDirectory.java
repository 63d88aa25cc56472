package org.rlkd.engine.safetensors;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;
import org.rlkd.core.InputException;

/**
 * The weights of a Hugging Face directory: {@code model.safetensors}, or the shards that {@code
 * model.safetensors.index.json} lists.
 */
public final class SafetensorsDirectory implements AutoCloseable {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  /** A plain file name, so that an index cannot point outside its directory. */
  private static final Pattern SHARD_NAME = Pattern.compile("[\\w.-]+\\.safetensors");

  private final Map<Path, SafetensorsFile> files = new LinkedHashMap<>();
  private final Map<String, SafetensorsFile> fileOfTensor = new LinkedHashMap<>();

  private SafetensorsDirectory() {}

  /**
   * Opens every file of the weights and checks the headers.
   *
   * @throws InputException if neither file exists, a shard is missing or damaged, or index and
   *     shards disagree
   */
  public static SafetensorsDirectory open(Path directory) {
    SafetensorsDirectory opened = new SafetensorsDirectory();
    boolean complete = false;
    try {
      if (Files.exists(directory.resolve(SINGLE))) {
        SafetensorsFile file = opened.file(directory.resolve(SINGLE));
        file.entries().keySet().forEach(name -> opened.fileOfTensor.put(name, file));
      } else if (Files.exists(directory.resolve(INDEX))) {
        opened.readIndex(directory.resolve(INDEX));
      } else {
        throw new InputException(
            directory + " holds no weights: expected " + SINGLE + " or " + INDEX);
      }
      complete = true;
      return opened;
    } finally {
      if (!complete) {
        opened.close();
      }
    }
  }

  private void readIndex(Path index) {
    JsonNode weightMap;
    try {
      weightMap = new JsonMapper().readTree(Files.readString(index)).path("weight_map");
    } catch (JacksonException e) {
      throw new InputException(index + " is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InputException(index + " cannot be read: " + e.getMessage(), e);
    }
    if (!weightMap.isObject() || weightMap.isEmpty()) {
      throw new InputException(index + " has no weight_map");
    }
    for (Map.Entry<String, JsonNode> field : weightMap.properties()) {
      String shard = field.getValue().asText();
      if (!SHARD_NAME.matcher(shard).matches()) {
        throw new InputException(
            index
                + ": tensor "
                + field.getKey()
                + " is in "
                + field.getValue()
                + ", expected the name of a file beside the index");
      }
      SafetensorsFile file = file(index.resolveSibling(shard));
      if (!file.entries().containsKey(field.getKey())) {
        throw new InputException(
            index
                + " places tensor "
                + field.getKey()
                + " in "
                + shard
                + ", which has no such tensor");
      }
      fileOfTensor.put(field.getKey(), file);
    }
    for (SafetensorsFile file : files.values()) {
      for (String name : file.entries().keySet()) {
        if (fileOfTensor.get(name) != file) {
          throw new InputException(
              file.path() + " holds tensor " + name + ", which " + index + " does not place there");
        }
      }
    }
  }

  private SafetensorsFile file(Path path) {
    return files.computeIfAbsent(path, SafetensorsFile::open);
  }

  /** The tensors of all files by name. */
  public Map<String, SafetensorsEntry> entries() {
    Map<String, SafetensorsEntry> entries = new LinkedHashMap<>();
    fileOfTensor.forEach((name, file) -> entries.put(name, file.entries().get(name)));
    return Collections.unmodifiableMap(entries);
  }

  /** The file that holds a tensor; null if none does. */
  public Path pathOf(String name) {
    SafetensorsFile file = fileOfTensor.get(name);
    return file == null ? null : file.path();
  }

  /** As {@link SafetensorsFile#copyTo}; the tensor must be one of {@link #entries()}. */
  public void copyTo(String name, Tensor destination) {
    fileOfTensor.get(name).copyTo(name, destination);
  }

  @Override
  public void close() {
    files.values().forEach(SafetensorsFile::close);
  }
}

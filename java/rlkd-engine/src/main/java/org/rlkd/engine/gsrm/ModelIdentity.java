package org.rlkd.engine.gsrm;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.rlkd.core.InputException;

/** Identifies a model directory by what its output depends on, for keys of caches. */
public final class ModelIdentity {
  private ModelIdentity() {}

  /** {@code NAME@sha256:...} over weights, configuration, tokenizer, chat template and settings. */
  public static String of(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      List<Path> relevant =
          files.filter(file -> isRelevant(file.getFileName().toString())).sorted().toList();
      byte[] buffer = new byte[1 << 16];
      for (Path file : relevant) {
        try (InputStream in = Files.newInputStream(file)) {
          for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            digest.update(buffer, 0, read);
          }
        }
      }
      String hash = HexFormat.of().formatHex(digest.digest()).substring(0, 16);
      return directory.toAbsolutePath().normalize().getFileName() + "@sha256:" + hash;
    } catch (IOException e) {
      throw new InputException("%s cannot be read: %s".formatted(directory, e), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK lacks SHA-256", e);
    }
  }

  private static boolean isRelevant(String name) {
    return name.endsWith(".safetensors")
        || name.equals("tokenizer.json")
        || name.equals("tokenizer_config.json")
        || name.equals("chat_template.jinja")
        || name.equals("config.json")
        || name.equals(GsrmSettings.FILE);
  }
}

package org.rlkd.core.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where relative names of data files and directories are looked for, in this order: the working
 * directory, the configuration file's directory, {@code $RLKD_SHARED}, {@code ../shared}.
 *
 * @param directories in the order of the search
 */
public record DataSearchPath(List<Path> directories) {
  /** The places in words, for messages. */
  public static final String DESCRIPTION =
      "the working directory, the configuration's directory, $RLKD_SHARED and ../shared";

  public DataSearchPath {
    directories = List.copyOf(directories);
  }

  /** The search path of a configuration; none was read where {@code file} is empty. */
  static DataSearchPath of(Optional<Path> file) {
    List<Path> directories = new ArrayList<>();
    directories.add(Path.of(""));
    file.map(Path::toAbsolutePath).map(Path::getParent).ifPresent(directories::add);
    Optional.ofNullable(System.getenv("RLKD_SHARED")).map(Path::of).ifPresent(directories::add);
    directories.add(Path.of("../shared"));
    return new DataSearchPath(directories);
  }

  /** The first place that has the name, or the name itself where none has. */
  String resolve(String name) {
    return directories.stream()
        .map(directory -> directory.resolve(name))
        .filter(Files::exists)
        .findFirst()
        .map(Path::toString)
        .orElse(name);
  }
}

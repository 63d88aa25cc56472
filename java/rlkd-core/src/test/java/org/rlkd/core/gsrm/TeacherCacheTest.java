package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rlkd.core.InputException;

class TeacherCacheTest {
  private static final Structure ONE = new Structure(List.of(new Step("m\n\"", "q\u2603", "a")));
  private static final Structure NONE = new Structure(List.of());

  @TempDir Path folder;

  private Path file() {
    return folder.resolve("teachers.jsonl");
  }

  @Test
  void what_was_put_is_there_after_reopening() {
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", "text", ONE);
      cache.put("p2", "d1", "text", NONE);
    }
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.get("p1", "d1", "text")).contains(ONE);
      assertThat(cache.get("p2", "d1", "text")).contains(NONE);
      assertThat(cache.get("p1", "d2", "text")).isEmpty();
      assertThat(cache.get("p1", "d1", "another text")).isEmpty();
    }
  }

  @Test
  void a_torn_last_line_is_dropped_and_the_next_line_is_whole() throws IOException {
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", "text", ONE);
    }
    String line = Files.readString(file());
    Files.writeString(file(), line.substring(0, line.length() / 2), StandardOpenOption.APPEND);
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.size()).isEqualTo(1);
      cache.put("p2", "d1", "text", ONE);
    }
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.get("p2", "d1", "text")).contains(ONE);
    }
  }

  @Test
  void a_broken_line_elsewhere_is_named() throws IOException {
    Files.writeString(
        file(), "{\"problem\":\"p\",\"decomposer\":\"d\",\"text\":\"t\",\"steps\":[]}\n{oops\n");
    assertThatThrownBy(() -> TeacherCache.open(file()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("teachers.jsonl, line 2");
  }

  @Test
  void a_repeated_put_writes_no_second_line() throws IOException {
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", "text", ONE);
      cache.put("p1", "d1", "text", ONE);
    }
    assertThat(Files.readAllLines(file())).hasSize(1);
  }
}

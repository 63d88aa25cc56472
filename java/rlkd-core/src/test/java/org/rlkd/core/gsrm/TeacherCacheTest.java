package org.rlkd.core.gsrm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TeacherCacheTest {
  private static final Decomposition ONE =
      new Decomposition.Parsed(new Structure(List.of(new Step("m\n\"", "q\u2603", "a"))));
  private static final Decomposition NONE = new Decomposition.Parsed(new Structure(List.of()));
  private static final Reasoning TEXT = new Reasoning("how many", "text");

  @TempDir Path folder;

  private Path file() {
    return folder.resolve("teachers.jsonl");
  }

  @Test
  void what_was_put_is_there_after_reopening() {
    Decomposition written =
        new Decomposition.Parsed(
            new Structure(List.of(new Step("", "q", ""))), "as it was written: [Query]: q");
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", TEXT, ONE);
      cache.put("p2", "d1", TEXT, NONE);
      cache.put("p3", "d1", TEXT, written);
    }
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.get("p1", "d1", TEXT)).contains(ONE);
      assertThat(cache.get("p2", "d1", TEXT)).contains(NONE);
      assertThat(cache.get("p3", "d1", TEXT)).contains(written);
      assertThat(cache.get("p1", "d2", TEXT)).isEmpty();
      assertThat(cache.get("p1", "d1", new Reasoning("how many", "another"))).isEmpty();
      assertThat(cache.get("p1", "d1", new Reasoning("how few", "text"))).isEmpty();
    }
    assertThat(TeacherCache.entries(file()))
        .extracting(TeacherCache.Entry::problemId)
        .containsExactly("p1", "p2", "p3");
  }

  @Test
  void lasting_failures_are_remembered_on_disk_and_others_for_the_run() {
    Decomposition lasting = new Decomposition.Failed("no tags after 3 tries");
    Decomposition passing = new Decomposition.Failed("status 503", false);
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", TEXT, lasting);
      cache.put("p2", "d1", TEXT, passing);
      assertThat(cache.get("p1", "d1", TEXT)).contains(lasting);
      assertThat(cache.get("p2", "d1", TEXT)).contains(passing);
    }
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.get("p1", "d1", TEXT)).contains(lasting);
      assertThat(cache.get("p2", "d1", TEXT)).isEmpty();
    }
  }

  @Test
  void a_torn_last_line_is_dropped_and_the_next_line_is_whole() throws IOException {
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", TEXT, ONE);
    }
    String line = Files.readString(file());
    Files.writeString(file(), line.substring(0, line.length() / 2), StandardOpenOption.APPEND);
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.size()).isEqualTo(1);
      cache.put("p2", "d1", TEXT, ONE);
    }
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.get("p2", "d1", TEXT)).contains(ONE);
    }
  }

  @Test
  void a_damaged_line_elsewhere_is_left_out_and_made_again() throws IOException {
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", TEXT, ONE);
      cache.put("p2", "d1", TEXT, ONE);
    }
    Files.writeString(file(), Files.readString(file()).replaceFirst("\"steps\":\\[", "\"steps\":"));
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.get("p1", "d1", TEXT)).isEmpty();
      assertThat(cache.get("p2", "d1", TEXT)).contains(ONE);
      cache.put("p1", "d1", TEXT, ONE);
    }
    try (TeacherCache cache = TeacherCache.open(file())) {
      assertThat(cache.get("p1", "d1", TEXT)).contains(ONE);
    }
  }

  @Test
  void a_repeated_put_writes_no_second_line() throws IOException {
    try (TeacherCache cache = TeacherCache.open(file())) {
      cache.put("p1", "d1", TEXT, ONE);
      cache.put("p1", "d1", TEXT, ONE);
    }
    assertThat(Files.readAllLines(file())).hasSize(1);
  }

  @Test
  void a_second_user_reads_the_file_and_leaves_it_to_the_first() throws IOException {
    try (TeacherCache first = TeacherCache.open(file())) {
      first.put("p1", "d1", TEXT, ONE);
      try (TeacherCache second = TeacherCache.open(file())) {
        assertThat(second.get("p1", "d1", TEXT)).contains(ONE);
        second.put("p2", "d1", TEXT, ONE);
        assertThat(second.get("p2", "d1", TEXT)).contains(ONE);
      }
      first.put("p3", "d1", TEXT, NONE);
    }
    assertThat(TeacherCache.entries(file()))
        .extracting(TeacherCache.Entry::problemId)
        .containsExactly("p1", "p3");
  }
}

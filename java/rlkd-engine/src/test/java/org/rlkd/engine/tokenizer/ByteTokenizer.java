package org.rlkd.engine.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A small byte-level tokenizer, written where a test needs one: ids 0-255 are the bytes, 256 is
 * "ab" merged, 257 bos, 258 eos.
 */
public final class ByteTokenizer {

  private ByteTokenizer() {}

  /** Writes the tokenizer's files into the directory and returns it. */
  public static Path write(Path directory) throws IOException {
    StringBuilder vocab = new StringBuilder();
    for (int b = 0; b < 256; b++) {
      vocab.append(json(byteSymbol(b))).append(':').append(b).append(',');
    }
    vocab.append("\"ab\":256");
    Files.writeString(
        directory.resolve("tokenizer.json"),
        """
        {"version": "1.0", "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
         "padding": null,
         "added_tokens": [%s, %s],
         "normalizer": null,
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
         "post_processor": {"type": "TemplateProcessing",
           "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
           "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
           "special_tokens": {"<s>": {"id": "<s>", "ids": [257], "tokens": ["<s>"]}}},
         "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
         "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
           "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": {%s}, "merges": ["a b"]}}
        """
            .formatted(added(257, "<s>"), added(258, "</s>"), vocab));
    config(
        directory,
        "\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"}, \"pad_token\": null");
    return directory;
  }

  static void config(Path directory, String entries) throws IOException {
    Files.writeString(directory.resolve("tokenizer_config.json"), "{" + entries + "}");
  }

  private static String added(int id, String text) {
    return "{\"id\": %d, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}"
        .formatted(id, text);
  }

  /** GPT-2's printable stand-in of a byte. */
  private static String byteSymbol(int b) {
    boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    int shifted = 0;
    for (int i = 0; i < b; i++) {
      shifted += (i >= '!' && i <= '~') || (i >= 0xa1 && i <= 0xac) || i >= 0xae ? 0 : 1;
    }
    return Character.toString(printable ? b : 256 + shifted);
  }

  private static String json(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}

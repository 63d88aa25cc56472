package org.rlkd.engine.tokenizer;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;
import org.rlkd.core.chat.ChatTemplate;
import org.rlkd.core.chat.RenderedChat;

/**
 * The tokenizer of a Hugging Face directory: {@code tokenizer.json}, {@code tokenizer_config.json},
 * special tokens.
 *
 * <p>Text goes in and comes out exactly as transformers' fast tokenizers do it (the same Rust
 * library), without truncation, padding or clean-up of spaces. Safe for use from several threads.
 * Holds native memory: close it once, where it was loaded.
 */
public final class Tokenizer implements AutoCloseable {

  static final String TOKENIZER_JSON = "tokenizer.json";
  static final String CHAT_TEMPLATE = "chat_template.jinja";

  /** What a saved directory takes over from the loaded one, where it is there. */
  private static final List<String> FILES =
      List.of(
          TOKENIZER_JSON,
          "tokenizer_config.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "vocab.json",
          "merges.txt",
          "tokenizer.model",
          CHAT_TEMPLATE);

  private final Path directory;
  private final HuggingFaceTokenizer library;
  private final TokenizerDirectory files;
  private final Optional<ChatTemplate> chatTemplate;
  private final boolean replacedTemplate;

  private Tokenizer(
      Path directory,
      HuggingFaceTokenizer library,
      TokenizerDirectory files,
      Optional<ChatTemplate> chatTemplate,
      boolean replacedTemplate) {
    this.directory = directory;
    this.library = library;
    this.files = files;
    this.chatTemplate = chatTemplate;
    this.replacedTemplate = replacedTemplate;
  }

  /**
   * Loads the tokenizer of a Hugging Face directory.
   *
   * @throws InputException if {@code tokenizer.json} is missing or broken, a special token is in no
   *     vocabulary, or the chat template cannot be parsed
   */
  public static Tokenizer load(Path directory) {
    return load(directory, Optional.empty());
  }

  /**
   * As {@link #load(Path)}, with a chat template (Jinja source) in place of the directory's own;
   * {@link #save} writes it.
   */
  public static Tokenizer load(Path directory, Optional<String> chatTemplate) {
    TokenizerDirectory files = TokenizerDirectory.read(directory);
    Optional<ChatTemplate> template =
        chatTemplate.or(files::chatTemplate).map(source -> parse(source, directory, chatTemplate));
    return new Tokenizer(
        directory,
        library(directory.resolve(TOKENIZER_JSON)),
        files,
        template,
        chatTemplate.isPresent());
  }

  private static ChatTemplate parse(String source, Path directory, Optional<String> given) {
    try {
      return ChatTemplate.parse(source);
    } catch (InputException e) {
      throw given.isPresent() ? e : new InputException(directory + ": " + e.getMessage(), e);
    }
  }

  private static HuggingFaceTokenizer library(Path json) {
    DjlRuntime.configure();
    try (InputStream in = Files.newInputStream(json)) {
      return HuggingFaceTokenizer.newInstance(
          in, Map.of("truncation", "false", "padding", "false"));
    } catch (IOException | RuntimeException e) {
      throw new InputException(
          json
              + " is not a tokenizer that the tokenizers library can load: "
              + e.getMessage()
              + ". Save it again with transformers (AutoTokenizer.from_pretrained(...).save_pretrained(DIR)), or copy it from the original"
              + " model.",
          e);
    }
  }

  /**
   * Number of ids in use: the highest id of vocabulary and added tokens plus one. A model's
   * vocab_size may be larger (padded rows).
   */
  public int vocabSize() {
    return files.vocabSize();
  }

  public SpecialTokens specialTokens() {
    return files.specialTokens();
  }

  /**
   * Returns the ids of a text with the special tokens that the tokenizer puts around it (often
   * none, or bos).
   */
  public int[] encode(String text) {
    return encode(text, true);
  }

  /**
   * Returns the ids of a text. Special tokens written in the text, such as {@code <|im_end|>},
   * become their ids either way.
   *
   * @param addSpecialTokens whether the tokenizer's own bos/eos are put around it
   */
  public int[] encode(String text, boolean addSpecialTokens) {
    return toInts(library.encode(wellFormed(text), addSpecialTokens, false).getIds());
  }

  /** As {@link #encode(String, boolean)}, with the place in the text of each token. */
  public TokenSpans encodeWithSpans(String text, boolean addSpecialTokens) {
    Encoding encoding = library.encode(wellFormed(text), addSpecialTokens, false);
    CharSpan[] spans = encoding.getCharTokenSpans();
    int[] utf16 = utf16Offsets(text);
    int[] starts = new int[spans.length];
    int[] ends = new int[spans.length];
    int last = 0;
    for (int i = 0; i < spans.length; i++) {
      boolean fromText = spans[i] != null && spans[i].getEnd() > spans[i].getStart();
      starts[i] = fromText ? utf16[spans[i].getStart()] : last;
      ends[i] = fromText ? utf16[spans[i].getEnd()] : last;
      last = ends[i];
    }
    return new TokenSpans(toInts(encoding.getIds()), starts, ends);
  }

  /**
   * Returns the text of ids; bytes that are no UTF-8 become U+FFFD.
   *
   * @param skipSpecialTokens whether special tokens (bos, {@code <|im_end|>}, ...) are left out
   * @throws InputException if an id is negative; ids past the vocabulary are left out, as
   *     transformers does
   */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    long[] longs = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0) {
        throw new InputException(
            "token " + ids[i] + " at position " + i + ": token ids are 0 or more");
      }
      longs[i] = ids[i];
    }
    return library.decode(longs, skipSpecialTokens);
  }

  /** The chat template, if the directory has one or one was given. */
  public Optional<ChatTemplate> chatTemplate() {
    return chatTemplate;
  }

  /**
   * Renders a conversation by the chat template, with the special tokens as variables.
   *
   * @param variables further variables, such as {@code enable_thinking}
   * @throws InputException if there is no chat template, or it fails or refuses the conversation
   */
  public String renderChat(
      List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, ?> variables) {
    return renderChatMaps(ChatTemplate.asMaps(messages), addGenerationPrompt, variables).text();
  }

  /**
   * As {@link #renderChat} for messages of free form (tool calls, reasoning_content), with what the
   * template marks as generated.
   */
  public RenderedChat renderChatMaps(
      List<? extends Map<String, ?>> messages,
      boolean addGenerationPrompt,
      Map<String, ?> variables) {
    Map<String, Object> all = new LinkedHashMap<>(specialTokens().byName());
    all.putAll(variables);
    return requireChatTemplate().renderChat(messages, addGenerationPrompt, all);
  }

  /** Ids of a rendered conversation; the template writes the special tokens, so none are added. */
  public int[] encodeChat(
      List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, ?> variables) {
    return encode(renderChat(messages, addGenerationPrompt, variables), false);
  }

  private ChatTemplate requireChatTemplate() {
    return chatTemplate.orElseThrow(
        () ->
            new InputException(
                directory
                    + " has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json); use an instruct model, or set"
                    + " chat_template in the configuration"));
  }

  /** Opens a stream that turns tokens into text as they arrive. */
  public DecodeStream decodeStream(boolean skipSpecialTokens) {
    return new DecodeStream(this, skipSpecialTokens);
  }

  /**
   * Copies the tokenizer's files into a directory, which must exist.
   *
   * @throws InputException if a file cannot be written
   */
  public void save(Path target) {
    for (String name : FILES) {
      Path source = directory.resolve(name);
      if (Files.exists(source)) {
        copy(source, target.resolve(name));
      }
    }
    if (replacedTemplate) {
      write(target.resolve(CHAT_TEMPLATE), requireChatTemplate().source());
    }
  }

  private static void write(Path target, String text) {
    try {
      Files.writeString(target, text);
    } catch (IOException e) {
      throw cannotWrite(target, e);
    }
  }

  private static InputException cannotWrite(Path target, IOException e) {
    return new InputException(
        "cannot write " + target + ": " + e + ". Check space and permissions.", e);
  }

  @Override
  public void close() {
    library.close();
  }

  private static void copy(Path source, Path target) {
    try {
      if (!Files.exists(target) || !Files.isSameFile(source, target)) {
        Files.copy(source, target, StandardCopyOption.REPLACE_EXISTING);
        target.toFile().setWritable(true, true);
      }
    } catch (IOException e) {
      throw cannotWrite(target, e);
    }
  }

  /**
   * The text with U+FFFD for each lone surrogate: one of them would garble the whole text on its
   * way into the library.
   */
  private static String wellFormed(String text) {
    StringBuilder mended = null;
    for (int i = 0; i < text.length(); i++) {
      if (!Character.isSurrogate(text.charAt(i))) {
        continue;
      }
      if (i + 1 < text.length() && Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1))) {
        i++;
        continue;
      }
      mended = mended == null ? new StringBuilder(text) : mended;
      mended.setCharAt(i, '\uFFFD');
    }
    return mended == null ? text : mended.toString();
  }

  /** Maps an index in code points, which the library counts in, to one in UTF-16 units. */
  private static int[] utf16Offsets(String text) {
    int[] offsets = new int[text.codePointCount(0, text.length()) + 1];
    int at = 0;
    for (int i = 0; i < offsets.length; i++) {
      offsets[i] = at;
      if (at < text.length()) {
        at += Character.charCount(text.codePointAt(at));
      }
    }
    return offsets;
  }

  private static int[] toInts(long[] ids) {
    int[] ints = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      ints[i] = Math.toIntExact(ids[i]);
    }
    return ints;
  }
}

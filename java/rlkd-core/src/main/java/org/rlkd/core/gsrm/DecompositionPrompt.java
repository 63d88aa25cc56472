package org.rlkd.core.gsrm;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.rlkd.core.InputException;
import org.rlkd.core.chat.ChatMessage;

/**
 * What a chat model is asked in order to decompose a reasoning.
 *
 * <p>The conversation has the form of the RLKD reference: its system prompt, then one user message
 * of instructions with examples, problem, {@code You should decompose this reasoning:}, reasoning.
 * Instructions that hold {@value #TEXT} are the whole user message instead, with {@value #PROBLEM}
 * and {@value #TEXT} filled in.
 *
 * @param system the system message
 * @param instructions the domain's instructions and examples
 */
public record DecompositionPrompt(String system, String instructions) {
  static final String PROBLEM = "{problem}";
  static final String TEXT = "{text}";

  /** As in the reference, word for word: models trained by its recipe expect it. */
  private static final String SYSTEM = resource("system");

  /** The instructions of a domain that come with rlkd. */
  public static DecompositionPrompt of(Domain domain) {
    return new DecompositionPrompt(SYSTEM, resource(domain.name().toLowerCase(Locale.ROOT)));
  }

  /**
   * The user's own instructions.
   *
   * @throws InputException if the file cannot be read, is blank or is not UTF-8
   */
  public static DecompositionPrompt read(Path file) {
    String instructions;
    try {
      instructions = Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new InputException(
          "decomposer prompt %s does not exist; give a text file".formatted(file), e);
    } catch (CharacterCodingException e) {
      throw new InputException("decomposer prompt %s is not UTF-8 text".formatted(file), e);
    } catch (IOException e) {
      throw new InputException("decomposer prompt %s cannot be read: %s".formatted(file, e), e);
    }
    if (instructions.isBlank()) {
      throw new InputException(
          "decomposer prompt %s is empty; expected instructions, possibly with %s and %s"
              .formatted(file, PROBLEM, TEXT));
    }
    return new DecompositionPrompt(SYSTEM, instructions);
  }

  /** The conversation up to the model's turn. */
  public List<ChatMessage> messages(Reasoning reasoning) {
    return List.of(new ChatMessage("system", system), new ChatMessage("user", user(reasoning)));
  }

  private String user(Reasoning reasoning) {
    int text = instructions.indexOf(TEXT);
    if (text < 0) {
      return instructions
          + reasoning.problem()
          + "\nYou should decompose this reasoning:\n"
          + reasoning.text();
    }
    // Piece by piece: a reasoning that mentions {problem} is not to be filled in.
    return instructions.substring(0, text).replace(PROBLEM, reasoning.problem())
        + reasoning.text()
        + instructions.substring(text + TEXT.length()).replace(PROBLEM, reasoning.problem());
  }

  /** Identifies the prompt in a decomposer's id. */
  public String contentHash() {
    return TeacherTree.contentHash(system + '\0' + instructions).substring(0, 16);
  }

  private static String resource(String name) {
    String file = "decompose-" + name + ".txt";
    try (InputStream in = DecompositionPrompt.class.getResourceAsStream(file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("resource " + file, e);
    }
  }
}

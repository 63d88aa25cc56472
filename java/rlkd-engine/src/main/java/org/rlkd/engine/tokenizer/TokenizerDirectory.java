package org.rlkd.engine.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.rlkd.core.InputException;

/**
 * What the JSON files of a Hugging Face tokenizer directory say.
 *
 * @param vocabSize highest id plus one
 * @param specialTokens the named tokens and their ids
 * @param chatTemplate source of the chat template: chat_template.jinja, else that of
 *     tokenizer_config.json
 */
record TokenizerDirectory(
    int vocabSize, SpecialTokens specialTokens, Optional<String> chatTemplate) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Names that transformers hands to a chat template. */
  private static final List<String> NAMES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  static TokenizerDirectory read(Path directory) {
    Path tokenizerJson = directory.resolve(Tokenizer.TOKENIZER_JSON);
    if (!Files.isRegularFile(tokenizerJson)) {
      throw new InputException(
          directory
              + (Files.isDirectory(directory) ? " has no tokenizer.json" : " is not a directory")
              + ": expected a Hugging Face model directory with a fast tokenizer. A model that has only tokenizer.model or vocab.json can"
              + " be converted by AutoTokenizer.from_pretrained(...).save_pretrained(DIR).");
    }
    JsonNode tokenizer = parse(tokenizerJson);
    JsonNode config = parseIfThere(directory.resolve("tokenizer_config.json"));
    JsonNode map = parseIfThere(directory.resolve("special_tokens_map.json"));
    Vocabulary vocabulary = new Vocabulary(tokenizerJson, tokenizer);

    Map<String, String> byName = new LinkedHashMap<>();
    for (String name : NAMES) {
      tokenText(config.has(name) ? config.get(name) : map.path(name))
          .ifPresent(text -> byName.put(name, text));
    }
    OptionalInt bos = vocabulary.id(byName, "bos_token");
    OptionalInt eos = vocabulary.id(byName, "eos_token");
    OptionalInt pad = vocabulary.id(byName, "pad_token");
    SpecialTokens special =
        new SpecialTokens(byName, bos, eos, pad.isPresent() ? pad : eos, eosIds(directory, eos));
    return new TokenizerDirectory(vocabulary.size(), special, chatTemplate(directory, config));
  }

  private static List<Integer> eosIds(Path directory, OptionalInt eos) {
    Set<Integer> ids = new LinkedHashSet<>();
    eos.ifPresent(ids::add);
    Path generation = directory.resolve("generation_config.json");
    Path file = Files.exists(generation) ? generation : directory.resolve("config.json");
    JsonNode value = parseIfThere(file).path("eos_token_id");
    for (JsonNode id : value.isArray() ? value : List.of(value)) {
      if (id.isMissingNode() || id.isNull()) {
        continue;
      }
      if (!id.canConvertToInt() || !id.isIntegralNumber() || id.intValue() < 0) {
        throw new InputException(
            file + ": eos_token_id is " + value + "; expected a token id or a list of them");
      }
      ids.add(id.intValue());
    }
    return new ArrayList<>(ids);
  }

  private static Optional<String> chatTemplate(Path directory, JsonNode config) {
    Path jinja = directory.resolve(Tokenizer.CHAT_TEMPLATE);
    if (Files.exists(jinja)) {
      try {
        return Optional.of(Files.readString(jinja));
      } catch (IOException e) {
        throw new InputException("cannot read " + jinja + ": " + e, e);
      }
    }
    JsonNode template = config.path("chat_template");
    if (template.isTextual()) {
      return Optional.of(template.textValue());
    }
    for (JsonNode named : template) {
      if (named.path("name").asText().equals("default")) {
        return Optional.of(named.path("template").asText());
      }
    }
    return Optional.empty();
  }

  /** A special token is written as its text or as an object with a {@code content}. */
  private static Optional<String> tokenText(JsonNode token) {
    JsonNode text = token.isObject() ? token.path("content") : token;
    return text.isTextual() ? Optional.of(text.textValue()) : Optional.empty();
  }

  private static JsonNode parseIfThere(Path file) {
    return Files.exists(file) ? parse(file) : MissingNode.getInstance();
  }

  private static JsonNode parse(Path file) {
    try {
      JsonNode node = JSON.readTree(file.toFile());
      if (!node.isObject()) {
        throw new InputException(
            file
                + ": expected a JSON object, found "
                + node.getNodeType()
                + "; copy it again from the original model");
      }
      return node;
    } catch (JsonProcessingException e) {
      throw new InputException(
          file
              + ", line "
              + (e.getLocation() == null ? "?" : e.getLocation().getLineNr())
              + ": broken JSON: "
              + e.getOriginalMessage()
              + ". Copy the file again from the original model.",
          e);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + e, e);
    }
  }

  /** Ids by token text, of the model's vocabulary and the added tokens. */
  private record Vocabulary(Path file, JsonNode tokenizer) {

    int size() {
      int highest = -1;
      JsonNode vocab = tokenizer.path("model").path("vocab");
      if (vocab.isArray()) {
        highest = vocab.size() - 1;
      } else {
        for (JsonNode id : vocab) {
          highest = Math.max(highest, id.asInt());
        }
      }
      for (JsonNode added : tokenizer.path("added_tokens")) {
        highest = Math.max(highest, added.path("id").asInt());
      }
      if (highest < 0) {
        throw new InputException(
            file
                + ": model.vocab is empty or missing; expected a tokenizer.json of the tokenizers library");
      }
      return highest + 1;
    }

    OptionalInt id(Map<String, String> byName, String name) {
      String text = byName.get(name);
      if (text == null) {
        return OptionalInt.empty();
      }
      for (JsonNode added : tokenizer.path("added_tokens")) {
        if (added.path("content").asText().equals(text)) {
          return OptionalInt.of(added.path("id").asInt());
        }
      }
      JsonNode vocab = tokenizer.path("model").path("vocab");
      if (vocab.isObject() && vocab.has(text)) {
        return OptionalInt.of(vocab.get(text).asInt());
      }
      for (int i = 0; vocab.isArray() && i < vocab.size(); i++) {
        if (vocab.get(i).path(0).asText().equals(text)) {
          return OptionalInt.of(i);
        }
      }
      throw new InputException(
          file
              + ": "
              + name
              + " is '"
              + text
              + "' (tokenizer_config.json), which is neither in added_tokens nor in model.vocab; correct the name or add the token");
    }
  }
}

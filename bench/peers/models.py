"""The weights that all contenders share: Hugging Face directories, and GGUF files of the same numbers for llama.cpp.

    python models.py OUT [--smollm2 DIRECTORY]

writes OUT/tiny (a random Qwen2 of 5 M parameters with a tokenizer of words w0, w1, ...), OUT/tiny.gguf, and of a copy of
SmolLM2-135M-Instruct OUT/smollm2 in float32 and OUT/smollm2.gguf. The copies end at a reserved token that is not sampled in
practice, so that every completion has its full length.
"""

import argparse
import json
import pathlib
import shutil

import gguf
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

RESERVED_TOKEN = 17  # of SmolLM2


def tiny(directory):
    torch.manual_seed(1)
    config = Qwen2Config(
        vocab_size=8192,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = Qwen2ForCausalLM(config)
    model.model.embed_tokens.weight.data[0] = 0  # the end is as likely as any other word
    model.save_pretrained(directory)
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(8192)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w0", pad_token="w0", unk_token="w0").save_pretrained(directory)


def smollm2(source, directory):
    shutil.copytree(source, directory, ignore=shutil.ignore_patterns("*.safetensors*"))
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    model.config.eos_token_id = model.generation_config.eos_token_id = RESERVED_TOKEN
    model.save_pretrained(directory)


def to_gguf(directory, path):
    """float32 and no vocabulary: token ids go in and come out."""
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    config = model.config
    arch = {"qwen2": "qwen2", "llama": "llama"}[config.model_type]
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    writer = gguf.GGUFWriter(path, arch)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.hidden_size // heads)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("none")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[arch.upper()], config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if arch == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            # llama.cpp rotates neighbouring dimensions of this architecture, Hugging Face the two halves.
            count = heads if "q_proj" in name else kv_heads
            rows, cols = tensor.shape
            tensor = tensor.reshape(count, 2, rows // count // 2, cols).swapaxes(1, 2).reshape(rows, cols)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--smollm2", type=pathlib.Path, help="the model's Hugging Face directory")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    made = []
    if not (arguments.out / "tiny").exists():
        tiny(arguments.out / "tiny")
        made.append("tiny")
    if arguments.smollm2 and not (arguments.out / "smollm2").exists():
        smollm2(arguments.smollm2, arguments.out / "smollm2")
        made.append("smollm2")
    for name in made:
        to_gguf(arguments.out / name, arguments.out / f"{name}.gguf")
    print(json.dumps({"made": made}))


if __name__ == "__main__":
    main()

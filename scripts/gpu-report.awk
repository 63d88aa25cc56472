# Joins torch's figures (first file: one JSON object a line) with Google Benchmark's report (second file: one key a
# line) and writes the "measured" part of the results.  -v format=json|markdown
function value(line) {  # of "key": value,
  sub(/^[^:]*": */, "", line)
  sub(/,$/, "", line)
  gsub(/^"|"$/, "", line)
  return line
}
function field(line, key,   at) {  # of a one-line object
  if (!match(line, "\"" key "\": *(\"[^\"]*\"|[^,}]*)")) return ""
  line = substr(line, RSTART, RLENGTH)
  sub(/^"[^"]*": */, "", line)
  gsub(/^"|"$/, "", line)
  return line
}
function number(text, digits) { return text == "" ? "" : sprintf("%." digits "f", text) }
function share(i) {
  if (copy[i] != "") return number(100 * copy[i], 1) " % of copy"
  if (cublas[i] != "") return number(100 * cublas[i], 1) " % of cuBLAS"
  if (peak[i] != "") return number(100 * peak[i], 1) " % of theoretical peak"
  return ""
}
function rate(i) {
  if (flops[i] != "") return number(flops[i], 1) " TFLOP/s"
  if (bytes[i] != "") return number(bytes[i], 1) " GB/s"
  return ""
}

FILENAME == ARGV[1] {
  name = field($0, "name")
  if (name != "") {
    eager[name] = field($0, "eager_us")
    compiled[name] = field($0, "compile_us")
    note[name] = field($0, "note")
  }
  next
}
/"context": \{/ { in_context = 1 }
/"benchmarks": \[/ { in_context = 0 }
in_context && /"(device|compute_capability|memory_GiB|copy_GB\/s|peak_GB\/s|peak_tensor_TFLOP\/s)":/ {
  key = $0
  sub(/^ *"/, "", key)
  sub(/".*/, "", key)
  context[++contexts] = key
  context_value[key] = value($0)
}
in_context { next }
/^ *"name":/ {
  ++count
  names[count] = value($0)
  sub(/\/iterations:1\/manual_time$/, "", names[count])
}
/^ *"median_us":/ { median[count] = value($0) }
/^ *"min_us":/ { least[count] = value($0) }
/^ *"runs":/ { runs[count] = value($0) }
/^ *"GB\/s":/ { bytes[count] = value($0) }
/^ *"TFLOP\/s":/ { flops[count] = value($0) }
/^ *"share_of_copy":/ { copy[count] = value($0) }
/^ *"share_of_cublas":/ { cublas[count] = value($0) }
/^ *"share_of_theoretical_peak":/ { peak[count] = value($0) }
/^ *"share_of_logits_memory":/ { memory[count] = value($0) }
/^ *"error_message":/ { failure[count] = value($0) }

END {
  if (format == "json") {
    printf "  \"measured_against\": {"
    for (i = 1; i <= contexts; ++i) printf "%s\"%s\": \"%s\"", (i > 1 ? ", " : ""), context[i], context_value[context[i]]
    printf "},\n  \"benchmarks\": [\n"
    for (i = 1; i <= count; ++i) {
      n = names[i]
      printf "    {\"name\": \"%s\"", n
      if (median[i] != "") printf ", \"median_us\": %g, \"min_us\": %g, \"runs\": %d", median[i], least[i], runs[i]
      if (bytes[i] != "") printf ", \"GB/s\": %g", bytes[i]
      if (flops[i] != "") printf ", \"TFLOP/s\": %g", flops[i]
      if (copy[i] != "") printf ", \"share_of_copy\": %g", copy[i]
      if (cublas[i] != "") printf ", \"share_of_cublas\": %g", cublas[i]
      if (peak[i] != "") printf ", \"share_of_theoretical_peak\": %g", peak[i]
      if (memory[i] != "") printf ", \"share_of_logits_memory\": %g", memory[i]
      if (eager[n] != "") printf ", \"torch_eager_us\": %g", eager[n]
      if (compiled[n] != "") printf ", \"torch_compile_us\": %g", compiled[n]
      if (note[n] != "") printf ", \"torch_note\": \"%s\"", note[n]
      if (failure[i] != "") printf ", \"error\": \"%s\"", failure[i]
      printf "}%s\n", (i < count ? "," : "")
    }
    printf "  ]\n"
    exit
  }
  if (count == 0) {
    print "Nothing was measured."
    exit
  }
  printf "Measured against:"
  for (i = 1; i <= contexts; ++i) printf "%s %s %s", (i > 1 ? "," : ""), context[i], context_value[context[i]]
  print ". Median of cold-cache runs; times in microseconds.\n"
  print "| benchmark | median | least | rate | share | torch eager | torch.compile | times faster than torch.compile |"
  print "|---|--:|--:|--:|--:|--:|--:|--:|"
  for (i = 1; i <= count; ++i) {
    n = names[i]
    if (failure[i] != "") {
      printf "| `%s` | not done: %s | | | | | | |\n", n, failure[i]
      continue
    }
    printf "| `%s` | %s | %s | %s | %s%s | %s | %s | %s |\n", n, number(median[i], 1), number(least[i], 1), rate(i), share(i),
      (memory[i] != "" ? ", " number(100 * memory[i], 2) " % of the logits' memory" : ""),
      (eager[n] != "" ? number(eager[n], 1) : note[n]), number(compiled[n], 1),
      (compiled[n] != "" && median[i] + 0 != 0 ? number(compiled[n] / median[i], 2) : "")
  }
}

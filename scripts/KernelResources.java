import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What each CUDA kernel takes on each architecture, read from the compiled objects, and the rules that the kernels keep.
 *
 * <pre>java scripts/KernelResources.java write|check|rules --compiler VERSION --cuobjdump FILE
 *      --wide-loads FILE --table FILE.csv OBJECT.cu.o ...</pre>
 *
 * <p>Rules: no kernel spills registers, every kernel states its block size by __launch_bounds__, and the kernels that the wide-loads
 * file names load global memory 128 bits at a time. {@code rules} prints the figures and checks the rules; {@code write} then writes the
 * table, FILE.csv and FILE.md; {@code check} demands that a table of the same compiler is up to date. Beside each object lies OBJECT.ptxas, what ptxas said (cmake/ptxas-log.sh). Exit status: 0, or
 * 1 with what was found, what was expected and what to do.
 */
final class KernelResources {

  /** Limits of a multiprocessor: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability". */
  enum Architecture {
    SM_80(64, 32, 164 * 1024),
    SM_90(64, 32, 228 * 1024),
    SM_100(64, 32, 228 * 1024),
    SM_120(48, 24, 100 * 1024);

    static final int REGISTERS_PER_PARTITION = 16384;
    static final int PARTITIONS = 4;
    static final int REGISTER_UNIT = 256; // a warp's registers are allocated in units of this
    static final int SHARED_UNIT = 128; // bytes
    static final int RESERVED_SHARED = 1024; // bytes of each block that the system takes

    final int warps;
    final int blocks;
    final int sharedBytes;

    Architecture(int warps, int blocks, int sharedBytes) {
      this.warps = warps;
      this.blocks = blocks;
      this.sharedBytes = sharedBytes;
    }

    String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Architecture of(String text) {
      return Arrays.stream(values())
          .filter(a -> a.text().equals(text))
          .findFirst()
          .orElseThrow(() -> new Failure("code for " + text, "one of " + Arrays.toString(values()),
              "add its limits to Architecture in scripts/KernelResources.java"));
    }

    /** Blocks that fit on one multiprocessor: the least of four limits (cuda_occupancy.h states the same). */
    int residentBlocks(int threads, int registers, int shared) {
      int warpsPerBlock = (threads + 31) / 32;
      int registersPerWarp = roundUp(registers * 32, REGISTER_UNIT);
      int byRegisters = PARTITIONS * (REGISTERS_PER_PARTITION / registersPerWarp) / warpsPerBlock;
      int byShared = sharedBytes / roundUp(shared + RESERVED_SHARED, SHARED_UNIT);
      return Math.min(Math.min(blocks, warps / warpsPerBlock), Math.min(byRegisters, byShared));
    }

    private static int roundUp(int value, int unit) {
      return (value + unit - 1) / unit * unit;
    }
  }

  /** One kernel on one architecture; bytes are of a thread (spills, stack) or of a block (shared). */
  record Kernel(String family, String name, Architecture architecture, int block, int registers, int spillStores,
      int spillLoads, int stack, int shared, boolean dynamicShared, int wideLoads) {

    static final String CSV_HEADER = "family,kernel,architecture,block,registers,spill_stores,spill_loads,stack,"
        + "static_shared,dynamic_shared,wide_loads,blocks_per_multiprocessor,occupancy_percent";

    int residentBlocks() {
      return block == 0 ? 0 : architecture.residentBlocks(block, registers, shared);
    }

    int occupancyPercent() {
      return (int) Math.round(100.0 * residentBlocks() * ((block + 31) / 32) / architecture.warps);
    }

    String csv() {
      return String.join(",", family, '"' + name + '"', architecture.text(), "" + block, "" + registers,
          "" + spillStores, "" + spillLoads, "" + stack, "" + shared, dynamicShared ? "yes" : "no", "" + wideLoads,
          "" + residentBlocks(), "" + occupancyPercent());
    }

    String where() {
      return family + ".cu, kernel " + name + ", " + architecture.text();
    }
  }

  /** One line of the wide-loads file: FAMILY KERNEL, where * in KERNEL stands for any text. */
  record WideLoads(String family, String kernel, int line) {
    boolean names(Kernel k) {
      String pattern = Arrays.stream(kernel.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*"));
      return family.equals(k.family()) && k.name().matches(pattern);
    }
  }

  static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failure(String found, String expected, String toDo) {
      super("found: " + found + "\n  expected: " + expected + "\n  to do: " + toDo);
    }
  }

  // ---- reading the objects ----------------------------------------------------------------------------------------

  private static final Pattern COMPILING = Pattern.compile("Compiling entry function '(\\S+)' for '(sm_\\d+)\\w*'");
  private static final Pattern FRAME =
      Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
  private static final Pattern USED = Pattern.compile("Used (\\d+) registers");
  private static final Pattern STATIC_SHARED = Pattern.compile("(\\d+) bytes smem");
  private static final Pattern ARCHITECTURE_LINE = Pattern.compile("arch = (sm_\\d+)\\w*");
  private static final Pattern KERNEL_INFO = Pattern.compile("^\\.nv\\.info\\.(\\S+)");
  private static final Pattern BLOCK = Pattern.compile("Value:\\s+0x(\\w+) 0x(\\w+) 0x(\\w+)");
  private static final Pattern SASS_FUNCTION = Pattern.compile("Function : (\\S+)");
  // Loads from global memory into registers or, asynchronously, into shared memory; Blackwell also has 256 bits.
  private static final Pattern WIDE_LOAD = Pattern.compile("\\bLDG(STS)?\\.\\S*(128|256)\\b|\\bUBLKCP\\b");
  private static final Pattern EXTERN_SHARED = Pattern.compile("^\\.extern \\.shared .* (\\S+?)\\[\\];");
  private static final Pattern PTX_ENTRY = Pattern.compile("\\.entry ([\\w$.]+)\\(");

  private final Path cuobjdump;

  KernelResources(Path cuobjdump) {
    this.cuobjdump = cuobjdump;
  }

  List<Kernel> read(Path object) {
    String family = object.getFileName().toString().replaceFirst("\\.cu\\.o$", "");
    Map<String, Map<String, Integer>> blocks = blockSizes(object);
    Map<String, Map<String, Integer>> wideLoads = wideLoads(object);
    List<String> dynamic = kernelsWithDynamicShared(object);
    Map<String, String> names = readableNames(wideLoads);
    List<Kernel> kernels = new ArrayList<>();
    String symbol = null;
    String architecture = null;
    int[] frame = null; // stack, spill stores, spill loads: the kernel's, and those of functions it calls
    for (String line : lines(Path.of(object + ".ptxas"))) {
      Matcher m;
      if ((m = COMPILING.matcher(line)).find()) {
        symbol = m.group(1);
        architecture = m.group(2);
        frame = null;
      } else if ((m = FRAME.matcher(line)).find()) {
        frame = frame == null ? new int[3] : frame;
        for (int i = 0; i < frame.length; i++) {
          frame[i] += Integer.parseInt(m.group(i + 1));
        }
      } else if ((m = USED.matcher(line)).find()) {
        if (symbol == null || frame == null) {
          throw new Failure("a register count without its kernel in " + object + ".ptxas", "ptxas's report",
              "build again from a clean folder");
        }
        Matcher shared = STATIC_SHARED.matcher(line);
        kernels.add(new Kernel(family, names.getOrDefault(symbol, symbol), Architecture.of(architecture),
            blocks.getOrDefault(architecture, Map.of()).getOrDefault(symbol, 0), Integer.parseInt(m.group(1)),
            frame[1], frame[2], frame[0], shared.find() ? Integer.parseInt(shared.group(1)) : 0,
            dynamic.contains(symbol), wideLoads.getOrDefault(architecture, Map.of()).getOrDefault(symbol, 0)));
        symbol = null;
      }
    }
    int compiled = wideLoads.values().stream().mapToInt(Map::size).sum();
    if (kernels.size() != compiled) {
      throw new Failure(kernels.size() + " kernels in " + object + ".ptxas, " + compiled + " in the object",
          "ptxas's report on every kernel", "build again from a clean folder");
    }
    return kernels;
  }

  /** Architecture -> kernel -> threads of a block by __launch_bounds__. */
  private Map<String, Map<String, Integer>> blockSizes(Path object) {
    Map<String, Map<String, Integer>> sizes = new LinkedHashMap<>();
    String architecture = null;
    String symbol = null;
    boolean expectSize = false;
    for (String line : run(cuobjdump.toString(), "-elf", object.toString())) {
      Matcher m;
      if ((m = ARCHITECTURE_LINE.matcher(line)).find()) {
        architecture = m.group(1);
      } else if ((m = KERNEL_INFO.matcher(line)).find()) {
        symbol = m.group(1);
      } else if (line.contains("EIATTR_MAX_THREADS") || line.contains("EIATTR_REQNTID")) {
        expectSize = true;
      } else if (expectSize && (m = BLOCK.matcher(line)).find()) {
        int threads = 1;
        for (int i = 1; i <= 3; i++) {
          threads *= Integer.parseInt(m.group(i), 16);
        }
        sizes.computeIfAbsent(architecture, a -> new LinkedHashMap<>()).put(symbol, threads);
        expectSize = false;
      }
    }
    return sizes;
  }

  /** Architecture -> kernel -> number of 128-bit (or wider) loads of global memory in its machine code. */
  private Map<String, Map<String, Integer>> wideLoads(Path object) {
    Map<String, Map<String, Integer>> counts = new LinkedHashMap<>();
    String architecture = null;
    String symbol = null;
    for (String line : run(cuobjdump.toString(), "-sass", object.toString())) {
      Matcher m;
      if ((m = ARCHITECTURE_LINE.matcher(line)).find()) {
        architecture = m.group(1);
      } else if ((m = SASS_FUNCTION.matcher(line)).find()) {
        symbol = m.group(1);
        counts.computeIfAbsent(architecture, a -> new LinkedHashMap<>()).put(symbol, 0);
      } else if (WIDE_LOAD.matcher(line).find()) {
        counts.get(architecture).merge(symbol, 1, Integer::sum);
      }
    }
    return counts;
  }

  private List<String> kernelsWithDynamicShared(Path object) {
    List<String> buffers = new ArrayList<>();
    List<String> kernels = new ArrayList<>();
    String kernel = null;
    for (String line : run(cuobjdump.toString(), "-ptx", object.toString())) {
      Matcher m;
      if ((m = EXTERN_SHARED.matcher(line)).find()) {
        buffers.add(m.group(1));
      } else if ((m = PTX_ENTRY.matcher(line)).find()) {
        kernel = m.group(1);
      } else if (kernel != null && buffers.stream().anyMatch(line::contains)) {
        kernels.add(kernel);
        kernel = null;
      }
    }
    return kernels;
  }

  private static Map<String, String> readableNames(Map<String, Map<String, Integer>> bySymbol) {
    List<String> symbols = bySymbol.values().stream().flatMap(m -> m.keySet().stream()).distinct().toList();
    Map<String, String> names = new LinkedHashMap<>();
    if (!symbols.isEmpty()) {
      List<String> command = new ArrayList<>(List.of("c++filt"));
      command.addAll(symbols);
      List<String> demangled = run(command.toArray(String[]::new));
      for (int i = 0; i < symbols.size(); i++) {
        names.put(symbols.get(i), readableName(demangled.get(i)));
      }
    }
    return names;
  }

  /** "void rlkd::...::(anonymous namespace)::row&lt;__nv_bfloat16&gt;(...)" -> "row&lt;bfloat16&gt;". */
  static String readableName(String demangled) {
    String name = demangled.replace("(anonymous namespace)::", "").replaceAll("\\b(rlkd|kernels|cuda|device)::", "")
        .replace("__nv_bfloat16", "bfloat16").replace("__half", "float16").replaceFirst("^void ", "");
    int depth = 0;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '<') {
        depth++;
      } else if (c == '>') {
        depth--;
      } else if (c == '(' && depth == 0) {
        return name.substring(0, i);
      }
    }
    return name;
  }

  // ---- the rules --------------------------------------------------------------------------------------------------

  static List<String> violations(List<Kernel> kernels, List<WideLoads> wideLoads, Path wideLoadsFile) {
    List<Failure> failures = new ArrayList<>();
    for (Kernel k : kernels) {
      if (k.block() == 0) {
        failures.add(new Failure(k.where() + ": no block size", "__launch_bounds__(threads) on every kernel",
            "state the largest block that the launcher uses"));
      }
      if (k.spillStores() > 0 || k.spillLoads() > 0) {
        failures.add(new Failure(
            k.where() + ": spills, " + k.spillStores() + " bytes stored, " + k.spillLoads() + " loaded, with "
                + k.registers() + " registers",
            "no spills", "keep less in registers, or allow more of them by smaller __launch_bounds__"));
      }
    }
    for (WideLoads wide : wideLoads) {
      List<Kernel> named = kernels.stream().filter(wide::names).toList();
      if (named.isEmpty()) {
        failures.add(new Failure(
            wideLoadsFile.getFileName() + ":" + wide.line() + ": no kernel " + wide.kernel() + " in " + wide.family() + ".cu",
            "a kernel of the build", "correct the line; the kernels are: " + kernels.stream()
                .filter(k -> k.family().equals(wide.family())).map(Kernel::name).distinct().toList()));
      }
      for (Kernel k : named) {
        if (k.wideLoads() == 0) {
          failures.add(new Failure(k.where() + ": no 128-bit load of global memory", "LDG.E.128 or an asynchronous copy of "
              + "16 bytes (" + wideLoadsFile.getFileName() + ":" + wide.line() + ")",
              "load through kernels/cuda/device/vector_access.cuh, or take the kernel off the list with a reason"));
        }
      }
    }
    return failures.stream().map(Throwable::getMessage).toList();
  }

  static List<WideLoads> readWideLoads(Path file) {
    List<WideLoads> result = new ArrayList<>();
    List<String> lines = lines(file);
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).replaceFirst("#.*", "").strip();
      if (line.isEmpty()) {
        continue;
      }
      String[] parts = line.split("\\s+", 2);
      if (parts.length != 2) {
        throw new Failure(file + ":" + (i + 1) + ": \"" + line + "\"", "FAMILY KERNEL", "write both");
      }
      result.add(new WideLoads(parts[0], parts[1], i + 1));
    }
    return result;
  }

  // ---- the table --------------------------------------------------------------------------------------------------

  static String csv(List<Kernel> kernels, String compiler) {
    return "# nvcc " + compiler + "\n" + Kernel.CSV_HEADER + "\n"
        + kernels.stream().map(k -> k.csv() + "\n").collect(Collectors.joining());
  }

  static String markdown(List<Kernel> kernels, String compiler) {
    Map<String, Map<String, List<Kernel>>> byFamily = kernels.stream().collect(Collectors.groupingBy(Kernel::family,
        TreeMap::new, Collectors.groupingBy(Kernel::name, LinkedHashMap::new, Collectors.toList())));
    String architectures = kernels.stream().map(Kernel::architecture).distinct().sorted().map(Architecture::text)
        .collect(Collectors.joining(" / "));
    StringBuilder out = new StringBuilder();
    out.append("""
        # Resources of the CUDA kernels

        Written by `cmake --build build-cuda --target cuda_resources`; do not edit. Compiler: nvcc %s. Figures stand in the order
        %s. No kernel spills registers. How to read the columns: [README.md](README.md#the-resource-table).

        %d kernels of %d families. All figures, one line for each kernel and architecture: [resources.csv](resources.csv).
        """.formatted(compiler, architectures, byFamily.values().stream().mapToInt(Map::size).sum(), byFamily.size()));
    byFamily.forEach((family, byName) -> {
      out.append("\n## ").append(family).append("\n\n| kernel | block | registers | static shared, bytes | stack, bytes | "
          + "128-bit loads | occupancy, % |\n|---|--:|--:|--:|--:|--:|--:|\n");
      byName.forEach((name, on) -> out.append("| `").append(name).append("` | ")
          .append(joined(on, k -> "" + k.block())).append(" | ").append(joined(on, k -> "" + k.registers()))
          .append(" | ").append(joined(on, k -> k.shared() + (k.dynamicShared() ? " + dynamic" : ""))).append(" | ")
          .append(joined(on, k -> "" + k.stack())).append(" | ").append(joined(on, k -> "" + k.wideLoads()))
          .append(" | ").append(joined(on, k -> (k.dynamicShared() ? "≤ " : "") + k.occupancyPercent())).append(" |\n"));
    });
    return out.toString();
  }

  /** "a / b / c / d", or "a" where all are alike. */
  private static String joined(List<Kernel> on, java.util.function.Function<Kernel, String> figure) {
    List<String> figures = on.stream().sorted(Comparator.comparing(Kernel::architecture)).map(figure).toList();
    return figures.stream().distinct().count() == 1 ? figures.get(0) : String.join(" / ", figures);
  }

  static void checkTable(Path table, Path markdownTable, String csv, String markdown, String compiler) {
    String toDo = "cmake --build BUILD --target cuda_resources, and commit docs/gpu";
    if (!Files.exists(table)) {
      throw new Failure("no " + table, "the committed table", toDo);
    }
    List<String> committed = lines(table);
    if (!committed.get(0).equals("# nvcc " + compiler)) {
      System.out.println("NOT COMPARED: " + table.getFileName() + " is of \"" + committed.get(0).substring(2)
          + "\", this build of nvcc " + compiler + "; figures of two compilers differ");
      return;
    }
    List<String> built = csv.lines().toList();
    List<String> missing = built.stream().filter(l -> !committed.contains(l)).limit(5).toList();
    List<String> stale = committed.stream().filter(l -> !built.contains(l)).limit(5).toList();
    if (!missing.isEmpty() || !stale.isEmpty() || !csv.equals(text(table))) {
      throw new Failure(table.getFileName() + " is stale: the build has " + missing + " where the table has " + stale,
          "the figures of this build", toDo);
    }
    if (!markdown.equals(text(markdownTable))) {
      throw new Failure(markdownTable.getFileName() + " does not show what " + table.getFileName() + " holds",
          "both written together", toDo);
    }
  }

  // ---- files and processes ----------------------------------------------------------------------------------------

  private static List<String> run(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new Failure(String.join(" ", command) + " failed: " + output.strip(), "exit status 0", "run it by hand");
      }
      return output.lines().toList();
    } catch (IOException e) {
      throw new Failure("cannot run " + command[0] + ": " + e.getMessage(), "that program",
          "install it (binutils has c++filt; scripts/install-nvcc.sh brings cuobjdump)");
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<String> lines(Path file) {
    return text(file).lines().toList();
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new Failure("cannot read " + file, "the file", "build first: cmake --build BUILD");
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new Failure("cannot write " + file + ": " + e, "a writable file", "free the disk or change its rights");
    }
  }

  public static void main(String[] arguments) {
    try {
      run(new ArrayList<>(List.of(arguments)));
    } catch (Failure failure) {
      System.err.println("kernel resources: " + failure.getMessage());
      System.exit(1);
    }
  }

  private static void run(List<String> arguments) {
    String command = arguments.isEmpty() ? "" : arguments.remove(0);
    Map<String, String> options = new LinkedHashMap<>();
    while (!arguments.isEmpty() && arguments.get(0).startsWith("--")) {
      options.put(arguments.remove(0), arguments.remove(0));
    }
    List<String> wanted = List.of("--compiler", "--cuobjdump", "--wide-loads", "--table");
    if (!List.of("write", "check", "rules").contains(command) || arguments.isEmpty()
        || !options.keySet().equals(new java.util.HashSet<>(wanted))) {
      throw new Failure("command \"" + command + "\", options " + options + ", " + arguments.size() + " objects",
          "write, check or rules, then " + wanted + " and object files", "see the head of scripts/KernelResources.java");
    }
    KernelResources resources = new KernelResources(Path.of(options.get("--cuobjdump")));
    List<Kernel> kernels = arguments.stream().map(Path::of).map(resources::read).flatMap(List::stream)
        .sorted(Comparator.comparing(Kernel::family).thenComparing(Kernel::name).thenComparing(Kernel::architecture)).toList();
    Path wideLoadsFile = Path.of(options.get("--wide-loads"));
    List<String> violations = violations(kernels, readWideLoads(wideLoadsFile), wideLoadsFile);
    Path table = Path.of(options.get("--table"));
    Path markdownTable = Path.of(table.toString().replaceFirst("\\.csv$", ".md"));
    String csv = csv(kernels, options.get("--compiler"));
    String markdown = markdown(kernels, options.get("--compiler"));
    if (command.equals("rules")) {
      System.out.print(csv);
    }
    if (!violations.isEmpty()) {
      violations.forEach(v -> System.err.println("kernel resources: " + v));
      System.exit(1);
    }
    if (command.equals("write")) {
      write(table, csv);
      write(markdownTable, markdown);
    } else if (command.equals("check")) {
      checkTable(table, markdownTable, csv, markdown, options.get("--compiler"));
    }
    System.out.println(kernels.stream().map(k -> k.family() + k.name()).distinct().count() + " kernels, " + kernels.size()
        + " with their architectures: no spills, wide loads where demanded");
  }
}

package org.rlkd.core.chat.jinja;

import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A parsed template: the subset of Jinja that Hugging Face chat templates use, with transformers'
 * settings. Values are data: text is never parsed as a template. Immutable; safe for use from
 * several threads.
 *
 * <p>Not supported, and an error when met: include, import, extends, block, recursive loops,
 * autoescape, translation.
 */
public final class Template {

  private final List<Statement> body;
  private final boolean marksGeneration;

  private Template(List<Statement> body, boolean marksGeneration) {
    this.body = body;
    this.marksGeneration = marksGeneration;
  }

  /**
   * Parses a template.
   *
   * @throws TemplateException with the line, if the source is no valid template
   */
  public static Template parse(String source) {
    Parser parser = new Parser(Lexer.tokens(source));
    return new Template(parser.template(), parser.marksGeneration());
  }

  /** Whether the template has a {@code {% generation %}} block. */
  public boolean marksGeneration() {
    return marksGeneration;
  }

  /**
   * Renders the template.
   *
   * @param variables values made of null, Boolean, Long, Double, String, List and Map
   * @param clock what {@code strftime_now} reads
   * @throws TemplateException with the line, if an operation fails or the template raises an
   *     exception
   */
  public Rendered render(Map<String, ?> variables, Clock clock) {
    Map<String, Object> all = new HashMap<>(Globals.all(clock));
    all.putAll(variables);
    Output out = Output.document();
    try {
      Statement.executeAll(body, Scope.root(all), out);
    } catch (StackOverflowError e) {
      throw new TemplateException("maximum recursion depth exceeded");
    } catch (ClassCastException e) {
      throw new TemplateException("an argument has the wrong type: " + e.getMessage());
    }
    return new Rendered(out.text(), out.generated());
  }

  /**
   * A rendered text.
   *
   * @param generated places of the {@code {% generation %}} blocks in it
   */
  public record Rendered(String text, List<Span> generated) {}
}

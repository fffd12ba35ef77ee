// The copy button of a console block copies the commands: no prompts, no output.
for (const code of document.querySelectorAll(".language-console code")) {
  const commands = []
  let isContinued = false
  for (const line of code.textContent.split("\n")) {
    const isCommand = line.startsWith("$ ")
    if (isCommand || isContinued) commands.push(isCommand ? line.slice(2) : line)
    isContinued = (isCommand || isContinued) && line.endsWith("\\")
  }
  code.dataset.copy = commands.join("\n")
}

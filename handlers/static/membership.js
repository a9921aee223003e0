// Comforts only: every page does all it does without this file.

// The browser that asked for a mail goes on by itself. A press of the button
// meanwhile would use the link a second time, and be told so.
const auto = document.querySelector("form[data-auto]");
if (auto) {
  auto.requestSubmit();
  auto.querySelector("button").disabled = true;
}

// The gift's button says what it gives; an amount typed and an amount chosen
// exclude each other.
const gift = document.querySelector("form[data-gift]");
if (gift) {
  const button = gift.querySelector("button[type=submit]");
  const plain = button.textContent;
  const typed = gift.elements.other;
  const presets = gift.querySelectorAll("input[name=amount]");
  const say = () => {
    const chosen = gift.querySelector("input[name=amount]:checked");
    const every = gift.querySelector("input[name=interval]:checked")?.value;
    const words = every === "month" ? gift.dataset.wordsMonth : gift.dataset.wordsOnce;
    button.textContent = chosen && !typed.value ? words.replace("{amount}", chosen.dataset.label) : plain;
  };
  typed.addEventListener("input", () => {
    if (typed.value) presets.forEach((p) => (p.checked = false));
  });
  presets.forEach((p) => p.addEventListener("change", () => (typed.value = "")));
  gift.addEventListener("input", say);
  gift.addEventListener("change", say);
  say();
}

// The page's words in the browser's language.
const language = navigator.language.startsWith('zh') ? 'zh' : 'en';

function word(key, values = {}) {
  const text = WORDS[language][key];
  return text === undefined ? String(key) : text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

element.querySelectorAll('[data-word]').forEach((one) => { one.textContent = word(one.dataset.word); });
element.querySelectorAll('[data-label]').forEach((one) => {
  one.setAttribute('aria-label', word(one.dataset.label));
  if (one.tagName === 'BUTTON') one.title = word(one.dataset.label) + (one.dataset.key ? ' (' + one.dataset.key + ')' : '');
});

// The page of a preview: everything it shows lies in it, as base64 text.

(async () => {
  const blobs = (name) =>
    [...document.querySelectorAll(`script[data-blob="${name}"]`)].map((each) => fromBase64(each.textContent));
  const root = document.querySelector("main");
  try {
    const board = JSON.parse(document.querySelector("script[data-board]").textContent);
    const head = await Head.read(blobs("head")[0], board);
    const takes = await Promise.all(blobs("take").map((bytes) => Take.read(bytes)));
    const [sound] = await Promise.all(blobs("sound").map((bytes) => Sound.read(bytes)));
    const player = new Player(root, head, board);
    if (sound) player.setSound(sound);
    player.setTakes(takes);
    window.player = player;
  } catch (error) {
    root.textContent = `This page cannot be shown here: ${error.message}. It needs a browser of 2023 or later.`;
    throw error;
  }
})();

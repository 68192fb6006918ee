// Sends the file to /api/uploads as it is, straight from the disk, and tells the page its sha256 when all is there.
const SIZES = [["GB", 2 ** 30], ["MB", 2 ** 20], ["kB", 2 ** 10]];
const amount = (bytes) => {
  const [unit, size] = SIZES.find(([, s]) => bytes >= s) ?? ["bytes", 1];
  return `${(bytes / size).toFixed(size > 2 ** 20 ? 2 : 0)} ${unit}`;
};

function begin(root) {
  const find = (name) => root.querySelector(name);
  const [zone, input, work, bar] = ["div.zone", "input", ".work", "progress"].map(find);
  const me = { request: null, props: null };

  const idle = (wrong = "") => {
    me.request = null;
    input.value = "";
    work.hidden = true;
    find(".wrong").textContent = wrong;
  };
  const ended = (file, request) => {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* a proxy's page, say */ }
    if (request.status === 201) {
      find(".done").textContent = "Reading the clip…";
      find("button").hidden = true;
      me.props.setTriggerValue("arrived", { digest: answer.digest, name: answer.name });
      me.left = setTimeout(idle, 60000); // the page answers long before, with the clip or with a sentence
    } else {
      const text = answer.detail ?? `the dashboard answered ${request.status}`;
      idle(text[0].toUpperCase() + text.slice(1) + ".");
    }
  };
  const send = (files) => {
    if (me.request || !files.length) return;
    const file = files[0], { types, most } = me.props.data;
    const ending = file.name.includes(".") ? file.name.split(".").pop().toLowerCase() : "";
    if (files.length > 1) return idle("One clip at a time, please; pictures go together in a zip.");
    if (!types.includes(ending)) return idle(`${file.name} is none of these: ${types.join(", ")}.`);
    if (!file.size) return idle(`The file ${file.name} is empty (0 bytes).`);
    if (file.size > most) return idle(`${file.name} has ${amount(file.size)}; at most ${amount(most)} can be uploaded.`);
    const request = (me.request = new XMLHttpRequest());
    const started = performance.now();
    idle.call(null);
    me.request = request;
    work.hidden = find("button").hidden = false;
    bar.value = 0;
    find(".what").textContent = file.name;
    find(".done").textContent = amount(file.size);
    request.upload.onprogress = ({ loaded, total }) => {
      const speed = loaded / Math.max(0.2, (performance.now() - started) / 1000);
      const left = Math.ceil((total - loaded) / speed);
      bar.value = loaded / total;
      find(".done").textContent = `${amount(loaded)} of ${amount(total)}` + (left > 2 ? `, ${left} s left` : "");
    };
    request.onload = () => ended(file, request);
    request.onerror = () => idle(`The upload of ${file.name} broke off; please try again.`);
    request.onabort = () => idle();
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-VOS-Upload", "1");
    request.send(file);
  };

  input.onchange = () => send(input.files);
  find("button").onclick = () => { me.request?.abort(); input.focus(); };
  zone.ondragover = (event) => { event.preventDefault(); zone.classList.add("over"); };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = (event) => { event.preventDefault(); zone.classList.remove("over"); send(event.dataTransfer.files); };
  me.idle = idle;
  return me;
}

const known = new WeakMap();

export default function (props) {
  const root = props.parentElement, zone = root.querySelector("div.zone");
  if (!known.has(zone)) known.set(zone, begin(root));
  const me = known.get(zone), { types, kinds, trouble } = props.data;
  me.props = props;
  root.querySelector("input").accept = types.map((type) => "." + type).join(",");
  root.querySelector(".kinds").textContent = kinds;
  if (trouble.number !== me.told) { // a sentence of Python's about the file before
    me.told = trouble.number;
    clearTimeout(me.left);
    me.idle(trouble.sentence);
  }
  // gone from the page: what is under way stops
  return () => setTimeout(() => { if (!zone.isConnected) me.request?.abort(); }, 500);
}

// Marks on the photo, and how they are drawn: {tool, size, points} in canvas pixels, or {mask, number} for one from the server.
const COLOUR = '#ff2d78';

function line(pen, mark, from) {
  pen.lineWidth = mark.size;
  pen.lineCap = pen.lineJoin = 'round';
  pen.beginPath();
  pen.moveTo(mark.points[from].x + 0.01, mark.points[from].y); // a line without length would not be drawn: a dot is one
  for (let i = from; i < mark.points.length; i++) pen.lineTo(mark.points[i].x, mark.points[i].y);
  pen.stroke();
}

function area(pen, mark) {
  const { points } = mark;
  pen.beginPath();
  if (mark.tool === 'rectangle') {
    const last = points[points.length - 1];
    pen.rect(points[0].x, points[0].y, last.x - points[0].x, last.y - points[0].y);
  } else points.forEach((point) => pen.lineTo(point.x, point.y));
  pen.fill();
}

const isShape = (mark) => mark.tool === 'rectangle' || mark.tool === 'lasso';

// from: the first point that is new; what was drawn of the mark before stays, so that long strokes stay quick.
function draw(pen, mark, from = 0) {
  pen.globalCompositeOperation = mark.tool === 'eraser' ? 'destination-out' : 'source-over';
  pen.strokeStyle = pen.fillStyle = COLOUR;
  if (mark.mask) pen.drawImage(mark.mask, 0, 0, pen.canvas.width, pen.canvas.height);
  else if (isShape(mark)) area(pen, mark);
  else line(pen, mark, Math.max(0, from - 1));
}

function drawAll(pen, marks) {
  pen.clearRect(0, 0, pen.canvas.width, pen.canvas.height);
  marks.forEach((mark) => draw(pen, mark));
}

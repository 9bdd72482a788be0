"""What a comparison looks like on the terminal, in Markdown, as a page, as pictures: dataclasses in, text out."""
